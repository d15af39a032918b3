using MoA.Engine.Generation;

namespace MoA.Engine.Tests.Generation;

/// <summary>Frequencies of drawn tokens against probabilities worked out by hand for weights 5, 50, 15 and 30 percent.</summary>
public sealed class SamplerTests
{
    private static readonly double[] Shares = [0.05, 0.50, 0.15, 0.30];

    private static readonly float[] Logits = [.. Shares.Select(share => (float)Math.Log(share) + 3)];

    public static TheoryData<string, SamplingOptions, double[]> Cases() => new()
    {
        { "temperature 1 keeps the shares", new() { Temperature = 1 }, Shares },
        { "temperature 0.5 squares them", new() { Temperature = 0.5 }, [0.0025, 0.25, 0.0225, 0.09] },
        { "top-k 2", new() { Temperature = 1, TopK = 2 }, [0, 50, 0, 30] },
        { "top-k above the vocabulary", new() { Temperature = 1, TopK = 9 }, Shares },
        { "top-p 0.75 is reached by 0.5 + 0.3", new() { Temperature = 1, TopP = 0.75 }, [0, 50, 0, 30] },
        { "top-p 0.81 is not", new() { Temperature = 1, TopP = 0.81 }, [0, 50, 15, 30] },
        { "top-p keeps one token at least", new() { Temperature = 1, TopP = 0.01 }, [0, 1, 0, 0] },
        { "min-p 0.25 of 0.5", new() { Temperature = 1, MinP = 0.25 }, [0, 50, 15, 30] },
        { "min-p 1", new() { Temperature = 1, MinP = 1 }, [0, 1, 0, 0] },
        // Square roots: 0.120, 0.379, 0.208 and 0.294 of their sum, of which two make 0.673; without them two make 0.8.
        { "temperature before top-p", new() { Temperature = 2, TopP = 0.75 }, [0, Math.Sqrt(50), Math.Sqrt(15), Math.Sqrt(30)] },
        // Of the two left, the first has 0.625; of all it would have 0.5.
        { "top-k before top-p", new() { Temperature = 1, TopK = 2, TopP = 0.6 }, [0, 1, 0, 0] },
        { "top-p before min-p", new() { Temperature = 1, TopP = 0.9, MinP = 0.5 }, [0, 50, 0, 30] },
        // Were min-p first, 0.5 of the 0.8 left would reach 0.6 alone.
        { "min-p does not change what top-p sees", new() { Temperature = 1, TopP = 0.6, MinP = 0.5 }, [0, 50, 0, 30] },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Draws_with_the_probabilities_of_its_filters(string name, SamplingOptions options, double[] weights)
    {
        const int draws = 20_000;
        const double limit = 16.27; // chi-square, 3 degrees of freedom, 1 in 1000
        Sampler sampler = new(options with { Seed = 7 }, Logits.Length);
        int[] counts = new int[Logits.Length];
        for (int i = 0; i < draws; i++)
            counts[sampler.Next(Logits)]++;
        double chiSquare = 0;
        for (int token = 0; token < counts.Length; token++)
        {
            double expected = draws * weights[token] / weights.Sum();
            if (expected == 0)
                Assert.Equal(0, counts[token]);
            else
                chiSquare += (counts[token] - expected) * (counts[token] - expected) / expected;
        }

        Assert.True(chiSquare < limit, $"{name}: chi-square {chiSquare:F1}, counts {string.Join(' ', counts)}");
    }

    /// <summary>Of 0.05, 0.50, 0.15 and 0.30 without the second, the first is the least likely and the fourth the likeliest.</summary>
    [Fact]
    public void Forbidden_tokens_are_never_drawn()
    {
        Assert.Equal(3, new Sampler(SamplingOptions.Greedy, Logits.Length).Next(Logits, new HashSet<int> { 1, -1, 99 }));
        Sampler sampler = new(new SamplingOptions { Temperature = 1, Seed = 3 }, Logits.Length);
        HashSet<int> drawn = [.. Enumerable.Range(0, 500).Select(_ => sampler.Next(Logits, new HashSet<int> { 1, 3 }))];
        Assert.Equal([0, 2], drawn.Order());
    }

    [Fact]
    public void Equally_likely_tokens_are_kept_in_their_order()
    {
        float[] logits = [.. Enumerable.Range(0, 100).Select(token => token % 2 == 0 ? 0f : 1f)];
        Sampler sampler = new(new SamplingOptions { Temperature = 1, TopK = 3, Seed = 1 }, logits.Length);
        HashSet<int> drawn = [.. Enumerable.Range(0, 500).Select(_ => sampler.Next(logits))];
        Assert.Equal([1, 3, 5], drawn.Order());
    }

    /// <summary>The first numbers of SplitMix64 for the seed 1234567, as published with other implementations of it.</summary>
    [Fact]
    public void Random_numbers_are_those_of_split_mix_64()
    {
        ulong[] published =
            [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821];
        const int vocabulary = 1000;
        Sampler sampler = new(new SamplingOptions { Temperature = 1, Seed = 1234567 }, vocabulary);
        float[] equal = new float[vocabulary];
        foreach (ulong number in published)
            Assert.Equal((int)(((UInt128)number * vocabulary) >> 64), sampler.Next(equal));
    }

    [Fact]
    public void Greedy_takes_the_first_of_the_largest_and_ignores_the_rest()
    {
        Sampler sampler = new(new SamplingOptions { TopK = 2, TopP = 0.1, MinP = 0.3, Seed = 4 }, 4);
        for (int i = 0; i < 10; i++)
            Assert.Equal(1, sampler.Next([0f, 2f, 2f, -1f]));
    }

    [Fact]
    public void Impossible_tokens_are_never_drawn_and_logits_that_are_no_numbers_are_refused()
    {
        Sampler sampler = new(new SamplingOptions { Temperature = 100, Seed = 3 }, 3);
        for (int i = 0; i < 1000; i++)
            Assert.NotEqual(1, sampler.Next([0f, float.NegativeInfinity, 1f]));
        _ = Assert.Throws<InvalidOperationException>(() => sampler.Next([0f, float.NaN, 1f]));
        _ = Assert.Throws<InvalidOperationException>(() => sampler.Next([0f, float.PositiveInfinity, 1f]));
        _ = Assert.Throws<InvalidOperationException>(
            () => sampler.Next([float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity]));
    }

    [Theory]
    [InlineData(-0.1, 0, 1, 0, "temperature")]
    [InlineData(double.NaN, 0, 1, 0, "temperature")]
    [InlineData(1, -1, 1, 0, "top-k")]
    [InlineData(1, 0, 0, 0, "top-p")]
    [InlineData(1, 0, 1.1, 0, "top-p")]
    [InlineData(1, 0, double.NaN, 0, "top-p")]
    [InlineData(1, 0, 1, -0.5, "min-p")]
    [InlineData(1, 0, 1, 2, "min-p")]
    public void Values_out_of_range_are_refused_by_name(double temperature, int topK, double topP, double minP, string name)
    {
        SamplingOptions options = new() { Temperature = temperature, TopK = topK, TopP = topP, MinP = minP };
        InvalidInputException failure = Assert.Throws<InvalidInputException>(() => new Sampler(options, 10));
        Assert.StartsWith(name, failure.Message, StringComparison.Ordinal);
    }
}
