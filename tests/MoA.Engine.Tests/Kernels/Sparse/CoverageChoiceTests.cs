using MoA.Engine.Attention.Prefill;
using MoA.Engine.Kernels.Sparse;

namespace MoA.Engine.Tests.Kernels.Sparse;

/// <summary>FlexPrefill's choice, once for each piece and head: in the order of the numbers, and without garbage.</summary>
public sealed class CoverageChoiceTests
{
    private const int Keys = 4096, Start = 3584, Block = 128;

    [Fact]
    public void The_largest_blocks_are_kept_up_to_the_limit()
    {
        // 4 rows of 32 blocks: 5 in the first place, then 4, 3 and so on, and equal ones of 0.25.
        float[] attention = Enumerable.Repeat(0.25f, 4 * 32).ToArray();
        foreach ((int place, float share) in new[] { (3 * 32 + 7, 5f), (1, 4f), (32 + 30, 3f), (2 * 32 + 9, 2f) })
            attention[place] = share;
        bool[] kept = new bool[BlockMask.SizeOf(Start, Keys, Block)];
        CoverageChoice.KeepLargest(attention, 14, new BlockMask(kept, Start, Keys, Block));
        Assert.Equal([1, 2 * 32 + 9, 3 * 32 + 7], Enumerable.Range(0, kept.Length).Where(i => kept[i])); // 30 is in the future of row 28 + 1
        CoverageChoice.KeepLargest(attention, 9.5f, new BlockMask(kept, Start, Keys, Block));
        Assert.Equal([1, 3 * 32 + 7], Enumerable.Range(0, kept.Length).Where(i => kept[i]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_choice_allocates_nothing(bool byMeans)
    {
        Random random = new(4);
        float[] columns = Shares(Keys), diagonals = Shares(Keys), attention = Shares(4 * 32);
        bool[] kept = new bool[BlockMask.SizeOf(Start, Keys, Block)];
        CoveragePattern pattern = new(0.9, 0.1, 1, 1_000_000, Block);
        Choose(); // rents its memory
        long before = GC.GetAllocatedBytesForCurrentThread();
        Choose();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Contains(true, kept);

        void Choose()
        {
            BlockMask mask = new(kept, Start, Keys, Block);
            CoverageChoice.Cover(columns, diagonals, pattern, byMeans, mask);
            CoverageChoice.KeepLargest(attention, 0.9f, mask);
        }

        float[] Shares(int count)
        {
            float[] shares = [.. Enumerable.Range(0, count).Select(_ => random.NextSingle())];
            float sum = shares.Sum();
            return [.. shares.Select(share => share / sum)];
        }
    }
}
