using MoA.Serving.Scheduling;

namespace MoA.Serving.Tests;

/// <summary>How much of prompts a step may read, on a machine whose times are known.</summary>
public sealed class PrefillPaceTests
{
    /// <summary>A step takes 30 ms and 2 ms for each token of a prompt: with a limit of 2.5 times, 22 tokens fit.</summary>
    [Fact]
    public void Steps_with_prompts_stay_within_the_limit()
    {
        PrefillPace pace = new(2.5, 1);
        double longest = 0;
        int read = 0, most = 0;
        for (int step = 0; step < 200; step++)
        {
            int tokens = pace.Tokens(8, 512);
            double seconds = 0.030 + 0.002 * tokens;
            pace.Note(8, tokens, seconds);
            (longest, read, most) = (Math.Max(longest, seconds), read + tokens, Math.Max(most, tokens));
        }

        Assert.InRange(longest, 0.070, 0.0751);
        Assert.Equal(22, most);
        Assert.InRange(read, 190 * 20, 200 * 22);
    }

    [Fact]
    public void Alone_a_prompt_is_read_as_fast_as_can_be()
    {
        PrefillPace pace = new(2.5, 1);
        Assert.Equal(512, pace.Tokens(0, 512));
        pace.Note(0, 512, 1);
        Assert.Equal(0, pace.Tokens(3, 512)); // first it looks what a step takes without
        pace.Note(3, 0, 0.02);
        Assert.Equal((int)(1.5 * 0.02 / (1.0 / 512)), pace.Tokens(3, 512));
    }

    /// <summary>
    /// A step takes 30 ms, 2 ms for each token of a prompt and 15 for every four that are begun: with seven it would take hardly less than with eight,
    /// which are read though they take a little longer than they may.
    /// </summary>
    [Theory]
    [InlineData(2.5, 8)]
    [InlineData(2.4, 8)]
    [InlineData(1.8, 4)]
    public void What_costs_as_much_is_read_whole(double longestStep, int expected)
    {
        PrefillPace pace = new(longestStep, 4);
        for (int step = 0; step < 200; step++)
        {
            int tokens = pace.Tokens(8, 512);
            Assert.Equal(0, tokens % 4);
            if (step > 20 && tokens > 0)
                Assert.Equal(expected, tokens);
            pace.Note(8, tokens, 0.030 + 0.002 * tokens + 0.015 * ((tokens + 3) / 4));
        }
    }

    /// <summary>Though a step is slow, a prompt goes on.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 4)]
    [InlineData(16, 8)]
    public void A_prompt_always_goes_on(int piece, int least)
    {
        PrefillPace pace = new(1.01, piece);
        pace.Note(4, 0, 0.01);
        Assert.Equal(least, pace.Tokens(4, 512)); // nothing is known of prompts
        pace.Note(4, 100, 2);
        Assert.Equal(least, pace.Tokens(4, 512));
        Assert.Equal(1, pace.Tokens(4, 1));
    }

    [Fact]
    public void A_step_reads_no_more_than_it_may()
    {
        PrefillPace pace = new(1e9, 5);
        pace.Note(4, 0, 1);
        Assert.Equal(3, pace.Tokens(4, 3));
        pace.Note(4, 10, 1e-9);
        Assert.Equal(512, pace.Tokens(4, 512));
        Assert.Equal(511, pace.Tokens(4, 511));
    }
}
