using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Generation;
using MoA.Tests;

namespace MoA.Engine.Tests.Generation;

/// <summary>What is drafted, and when.</summary>
public sealed class PromptLookupTests
{
    /// <summary>The definition, searched from the end of the text: few different tokens, so that they often come again.</summary>
    [Fact]
    public void Drafts_what_followed_the_longest_and_last_match()
    {
        Gen<int[]> texts = Gen.Choose(0, 5).Or(Gen.Choose(0, 40)).ArrayOf().Where(text => text.Length > 0);
        Prop.ForAll(texts.ToArbitrary(), text =>
        {
            PromptLookup lookup = new(text.Length);
            for (int count = 0; count < text.Length; count++)
            {
                Assert.Equal(Definition(text[..count]).Take(4), Draft(lookup, PromptLookup.MostTokens));
                lookup.Read(text.AsSpan(count, 1));
            }

            Assert.Equal(Definition(text).Take(4), Draft(lookup, 20));
            lookup.Note(4, 4, 0);
            Assert.Equal(Definition(text), Draft(lookup, 20));
            Assert.Equal(Definition(text).Take(3), Draft(lookup, 3));
            Assert.Empty(Draft(lookup, 0));
        }).Holds(200);

        static int[] Definition(int[] text)
        {
            for (int size = 3; size >= 2; size--)
            {
                for (int start = text.Length - size - 1; start >= 0; start--)
                {
                    if (!text.AsSpan(start, size).SequenceEqual(text.AsSpan(text.Length - size)))
                        continue;
                    List<int> going = [.. text];
                    for (int i = 0; i < PromptLookup.MostTokens; i++)
                        going.Add(going[start + size + i]);
                    return [.. going[text.Length..]];
                }
            }

            return [];
        }
    }

    /// <summary>A credit of four steps, drafts that cost half a step each; then it rests for 16 tokens, 32, … with a credit of one.</summary>
    [Fact]
    public void Rests_while_drafts_are_wrong_and_longer_each_time()
    {
        PromptLookup lookup = new(1000);
        lookup.Read([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        List<int> drafted = [];
        List<int> at = [];
        for (int token = 0; token < 200; token++)
        {
            lookup.Read([token % 2 + 1]); // 1 2 1 2 …: from the fourth on there is always a match
            int count = Draft(lookup, PromptLookup.MostTokens).Length;
            lookup.Note(count, 0, 0.5);
            if (count > 0)
            {
                drafted.Add(count);
                at.Add(token);
            }
        }

        Assert.Equal([4, 1, 1, 1, 1, 1, 1, 1, 1, 1], drafted[..10]);
        Assert.Equal([1, 3, 4, 5, 6, 22, 23, 55, 56, 120, 121], at);
        Assert.Equal(new LookupCounts(200, 14, 0), lookup.Counts);
    }

    [Theory]
    [InlineData(0.2, true)]
    [InlineData(0.3, false)]
    public void One_accepted_draft_in_four_pays_where_a_draft_costs_less_than_a_quarter_of_a_step(double cost, bool pays)
    {
        PromptLookup lookup = new(1000);
        int accepted = 0, drafts = 0;
        for (int token = 0; token < 400; token++)
        {
            lookup.Read([token % 2]);
            int count = Draft(lookup, 1).Length;
            drafts += count;
            int right = count > 0 && drafts % 4 == 0 ? 1 : 0;
            lookup.Note(count, right, cost);
            accepted += right;
        }

        Assert.Equal(pays, drafts > 390);
        Assert.Equal(new LookupCounts(400, drafts, accepted), lookup.Counts);
        Assert.Equal((400 + accepted) / 400.0, lookup.Counts.TokensPerStep);
    }

    [Fact]
    public void Drafts_grow_while_they_are_right()
    {
        PromptLookup lookup = new(100);
        lookup.Read([1, 2, 1, 2, 1, 2]);
        Assert.Equal(4, Draft(lookup, 20).Length);
        lookup.Note(4, 4, 0.1);
        Assert.Equal(8, Draft(lookup, 20).Length);
        lookup.Note(8, 8, 0.1);
        Assert.Equal(8, Draft(lookup, 20).Length);
        lookup.Note(8, 3, 0.1);
        Assert.Equal(3, Draft(lookup, 20).Length);
        lookup.Note(3, 0, 0.1);
        _ = Assert.Single(Draft(lookup, 20));
        lookup.Note(1, 1, 0.1);
        Assert.Equal(2, Draft(lookup, 20).Length);
    }

    [Fact]
    public void A_draft_costs_what_it_adds_to_a_step()
    {
        DraftCost cost = new();
        Assert.Equal(0.25, cost.Share);
        cost.Note(1, 4, 1); // nothing to compare with yet
        Assert.Equal(0.25, cost.Share);
        cost.Note(1, 0, 0.5);
        for (int i = 0; i < 100; i++)
            cost.Note(1, 8, 0.9); // 0.8 steps more for eight
        Assert.Equal(0.1, cost.Share, 1e-4);
        cost.Note(1, 1, 100); // something else ran
        Assert.Equal(0.1 + 0.9 / 10, cost.Share, 1e-4);
    }

    private static int[] Draft(PromptLookup lookup, int most)
    {
        int[] draft = new int[most];
        return draft[..lookup.Draft(draft)];
    }
}
