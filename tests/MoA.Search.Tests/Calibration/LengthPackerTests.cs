using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Tokenization;
using MoA.Search.Calibration;
using MoA.Tests;

namespace MoA.Search.Tests.Calibration;

public sealed class LengthPackerTests
{
    /// <summary>
    /// Items are told apart by what they say. Every one is dealt at most once, none exceeds its target, all lie above half
    /// of it, and packing goes on until nothing more fits.
    /// </summary>
    [Fact]
    public void Deals_each_item_once_near_its_target()
    {
        Gen<(int[] Sizes, int[] Targets, int Count)> cases =
            from sizes in Gen.Choose(2, 300).ArrayOf(40)
            from targets in Gen.Choose(64, 400).ArrayOf(3)
            from count in Gen.Choose(1, 6)
            select (sizes, targets, count);
        Prop.ForAll(cases.ToArbitrary(), test =>
        {
            CalibrationItem[] items = [.. test.Sizes.Select((_, i) => Item(i))];
            LengthPacker packer = new(items, item => Sizes(item).Sum());
            List<int> used = [];
            foreach (int target in test.Targets.OrderDescending())
            {
                IReadOnlyList<CalibrationItem> taken = packer.Take(target, test.Count);
                Assert.InRange(taken.Count, 0, test.Count);
                foreach (CalibrationItem item in taken)
                {
                    Assert.InRange(Sizes(item).Sum() - 1, target / 2 + 1, target);
                    used.AddRange(Numbers(item));
                }

                int[] left = [.. Enumerable.Range(0, items.Length).Except(used).Select(i => test.Sizes[i])];
                if (taken.Count < test.Count)
                {
                    // Nothing that is left fits, alone or with others.
                    Assert.DoesNotContain(SumsUpTo(target + 1, left), sum => 2 * (sum - 1) > target);
                }
            }

            Assert.Equal(used.Count, used.Distinct().Count());

            int[] Sizes(CalibrationItem item) => [.. Numbers(item).Select(i => test.Sizes[i])];
        }).Holds(200);
    }

    /// <summary>In the order of the data 10 and 24 come to half the target and leave no room for 34; 34 and 24 fit.</summary>
    [Fact]
    public void Parts_of_half_a_target_do_not_keep_others_out()
    {
        int[] sizes = [10, 24, 34];
        LengthPacker packer = new([.. sizes.Select((_, i) => Item(i))], item => sizes[Numbers(item).Single()]);
        Assert.Equal([1, 2], Numbers(Assert.Single(packer.Take(66, 2))));
    }

    [Fact]
    public void Items_nearest_the_target_go_first()
    {
        int[] sizes = [60, 99, 120, 80, 99, 101];
        LengthPacker packer = new([.. sizes.Select((_, i) => Item(i))], item => sizes[Numbers(item).Single()]);
        Assert.Equal([5, 1, 4], packer.Take(100, 3).Select(item => Numbers(item).Single()));
        Assert.Equal([3, 0], packer.Take(100, 3).Select(item => Numbers(item).Single()));
    }

    /// <summary>Losses are averaged over data sets, so that a packed item belongs to one, and says all that is in it.</summary>
    [Fact]
    public void Packed_conversations_are_of_one_data_set_and_name_their_parts()
    {
        LengthPacker packer = new(
            [.. Enumerable.Range(0, 7).Select(i => Item(i) with { Dataset = i % 2 == 0 ? "even" : "odd", Origin = $"data.jsonl:{i + 1}" })],
            _ => 30);
        IReadOnlyList<CalibrationItem> packed = packer.Take(100, 9);
        Assert.Equal([0, 2, 4], Numbers(packed[0]));
        Assert.Equal([1, 3, 5], Numbers(packed[1]));
        Assert.Equal(["even", "odd"], packed.Select(item => item.Dataset));
        Assert.Equal(["data.jsonl:1, data.jsonl:3, data.jsonl:5", "data.jsonl:2, data.jsonl:4, data.jsonl:6"], packed.Select(item => item.Source));
    }

    [Fact]
    public void Packs_whole_conversations_in_their_order()
    {
        LengthPacker packer = new([.. Enumerable.Range(0, 10).Select(Item)], _ => 30);
        MessagesItem packed = Assert.IsType<MessagesItem>(Assert.Single(packer.Take(149, 1)));
        Assert.Equal(
            ["question 0", "answer 0", "question 1", "answer 1", "question 2", "answer 2", "question 3", "answer 3", "question 4", "answer 4"],
            packed.Messages.Select(message => message.Content)); // 5 × 30 tokens are a length of 149
        Assert.Equal([5, 6, 7, 8], Numbers(Assert.Single(packer.Take(148, 1))));
        Assert.Empty(packer.Take(100, 1));
    }

    [Fact]
    public void Leaves_tokens_texts_and_conversations_with_a_system_prompt_alone()
    {
        CalibrationItem[] items =
        [
            new TextItem("a"), new TokensItem([1, 2, 3], null),
            new MessagesItem([new(ChatRole.System, "s"), new(ChatRole.User, "u"), new(ChatRole.Assistant, "a")]),
        ];
        LengthPacker packer = new([.. items, .. items, .. items], _ => 30);
        Assert.Empty(packer.Take(100, 1));
        Assert.Equal(9, packer.Take(40, 20).Count);
    }

    [Theory]
    [InlineData(101, 100, true)] // a length of exactly the target
    [InlineData(102, 100, false)]
    [InlineData(52, 100, true)]
    [InlineData(51, 100, false)] // exactly half
    public void The_last_token_is_only_predicted(int tokens, int target, bool fits)
    {
        LengthPacker packer = new([new TextItem("a")], _ => tokens);
        Assert.Equal(fits ? 1 : 0, packer.Take(target, 1).Count);
    }

    // All sums of some of the numbers, up to a limit.
    private static IEnumerable<int> SumsUpTo(int limit, int[] numbers)
    {
        bool[] reached = new bool[limit + 1];
        reached[0] = true;
        foreach (int number in numbers)
        {
            for (int sum = limit; sum >= number; sum--)
                reached[sum] |= reached[sum - number];
        }

        return Enumerable.Range(1, limit).Where(sum => reached[sum]);
    }

    private static MessagesItem Item(int number) =>
        new([new(ChatRole.User, $"question {number}"), new(ChatRole.Assistant, $"answer {number}")]);

    private static IEnumerable<int> Numbers(CalibrationItem item) => ((MessagesItem)item).Messages
        .Where(message => message.Role == ChatRole.User)
        .Select(message => int.Parse(message.Content.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture));
}
