using FsCheck;
using FsCheck.Fluent;
using MoA.Search.Calibration;
using MoA.Tests;

namespace MoA.Search.Tests.Calibration;

public class LargestFitTests
{
    [Fact]
    public void Finds_what_a_linear_search_finds()
    {
        Gen<(int[] Sizes, int Target)> cases = from sizes in Gen.Choose(1, 50).NonEmptyListOf()
                                               from target in Gen.Choose(0, 60 * sizes.Count)
                                               select (sizes.ToArray(), target);
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            int most = c.Sizes.Length, expected = 0;
            while (expected < most && c.Sizes.Take(expected + 1).Sum() <= c.Target)
                expected++;

            return LargestFit.Find(0, most, c.Target, pieces => c.Sizes.Take(pieces).Sum()) == expected;
        }).Holds(500);
    }

    [Fact]
    public void Needs_few_counts()
    {
        int counts = 0;
        Assert.Equal(4998, LargestFit.Find(0, int.MaxValue, 99_999, pieces =>
        {
            counts++;
            return 30 + (20 * pieces);
        }));
        Assert.InRange(counts, 1, 6);

        counts = 0;
        Assert.Equal(100, LargestFit.Find(0, 1_000_000, 10_000, pieces =>
        {
            counts++;
            return pieces * pieces;
        }));
        Assert.InRange(counts, 1, 30);
    }
}
