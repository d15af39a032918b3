using FsCheck;
using FsCheck.Fluent;
using ILGPU;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Gpu.Kernels;
using MoA.Tests;

namespace MoA.Gpu.Tests.Kernels;

/// <summary>Tokens drawn on the device against the definition in double, and against the engine's sampler.</summary>
public sealed class SampleTests
{
    // How far sums of weights in units of 2^-40, of floats and by the device's exponentials may be from exact ones.
    private const double Slack = 1e-5;

    [Fact]
    public void Greedy_takes_the_first_of_the_largest_and_refuses_what_is_not_finite()
    {
        const float Nan = float.NaN, Infinity = float.PositiveInfinity;
        float[][] rows =
        [
            [1, 3, 2, 3, -1],
            [-5, -4, float.NegativeInfinity, -4.5f, -6],
            [0, -0f, 0, -1, -2],
            [0, 1, Nan, 3, 4],
            [0, 1, 2, 3, -Nan],
            [0, Infinity, 2, 3, 4],
            [-Infinity, -Infinity, -Infinity, -Infinity, -Infinity],
            [-1, -1, -1, -1, -1],
        ];
        Assert.Equal([1, 1, 0, -1, -1, -1, -1, 0], Draw(rows, rows.Select(_ => default(SamplingRow)).ToArray()));
    }

    [Fact]
    public void Tokens_follow_the_definition()
    {
        Gen<(int Vocabulary, double Temperature, int TopK, double TopP, double MinP, double Point, int Seed)> cases =
            from vocabulary in Gen.Choose(1, 700)
            from temperature in Gen.Elements(0.2, 0.7, 1, 3)
            from topK in Gen.Elements(0, 0, 1, 5, 50, 1000)
            from topP in Gen.Elements(1, 1, 0.3, 0.9, 0.999)
            from minP in Gen.Elements(0, 0, 0.01, 0.5, 1)
            from point in Gen.Choose(0, 9999)
            from seed in Gen.Choose(0, int.MaxValue)
            select (vocabulary, temperature, topK, topP, minP, point / 10000.0, seed);
        Prop.ForAll(cases.ArrayOf(3).ToArbitrary(), Check).Holds(12);

        static void Check((int Vocabulary, double Temperature, int TopK, double TopP, double MinP, double Point, int Seed)[] rows)
        {
            int vocabulary = rows[0].Vocabulary;
            // Coarse numbers, so that some are equal.
            float[][] logits = [.. rows.Select(row => Numbers.Random(row.Seed, vocabulary, 8).Select(x => MathF.Round(x * 16) / 16).ToArray())];
            int[] tokens = Draw(logits, [.. rows.Select(row => Options(row.Temperature, row.TopK, row.TopP, row.MinP, row.Point))]);
            for (int i = 0; i < rows.Length; i++)
                AssertDrawn(logits[i], rows[i].Temperature, rows[i].TopK, rows[i].TopP, rows[i].MinP, rows[i].Point, tokens[i]);
        }
    }

    [Theory]
    [InlineData(1, 0, 1, 0)]
    [InlineData(0.8, 40, 0.95, 0.02)]
    [InlineData(1.5, 3, 1, 0)]
    public void Tokens_are_those_of_the_engines_sampler(double temperature, int topK, double topP, double minP)
    {
        float[][] logits = [.. Enumerable.Range(0, 12).Select(row => Numbers.Random(row, 300, 6))];
        int[] expected = [.. logits.Select((row, i) => new Sampler(
            new SamplingOptions { Temperature = temperature, TopK = topK, TopP = topP, MinP = minP, Seed = (ulong)i }, 300).Next(row))];
        int[] actual = Draw(logits, [.. logits.Select(
            (_, i) => Options(temperature, topK, topP, minP, new SplitMix64((ulong)i).NextDouble()))]);
        Assert.Equal(expected, actual);
    }

    private static SamplingRow Options(double temperature, int topK, double topP, double minP, double point) => new()
    {
        Sharpness = (float)(1 / (Math.Log(2) * temperature)),
        TopK = topK,
        TopP = (float)topP,
        MinP = (float)minP,
        Point = point,
    };

    private static int[] Draw(float[][] logits, SamplingRow[] options)
    {
        int vocabulary = logits[0].Length;
        using Emulated device = new();
        ArrayView<int> tokens = device.Copy(new int[logits.Length]);
        Sample kernel = new()
        {
            Logits = device.Rows([.. logits.SelectMany(row => row)], vocabulary),
            Rows = device.Copy(options),
            Tokens = tokens,
            Vocabulary = vocabulary,
        };
        device.Session.RunGroups(kernel, logits.Length);
        return Emulated.Read(tokens);
    }

    // The token must stand, in the order in which weights are added up, between the places that the point and the bounds reach
    // when all are a little smaller and a little larger.
    private static void AssertDrawn(
        float[] logits, double temperature, int topK, double topP, double minP, double point, int token)
    {
        double largest = logits.Max();
        double[] weights = [.. logits.Select(logit => Math.Exp((logit - largest) / temperature))];
        bool sorted = topK > 0 || topP < 1;
        int[] order = [.. Enumerable.Range(0, logits.Length)];
        if (sorted)
            order = [.. order.OrderByDescending(i => weights[i]).ThenBy(i => i)];
        int place = Array.IndexOf(order, token);
        Assert.True(place >= 0, $"{token} is no token");
        int first = Place(-Slack), last = Place(Slack);
        Assert.True(place >= first && place <= last, $"token {token} stands at {place}, not from {first} to {last}");

        int Place(double slack)
        {
            int[] kept = order;
            if (topK > 0)
                kept = [.. kept.Take(topK)];
            if (topP < 1)
            {
                double enough = Math.Min(1, topP + slack) * kept.Sum(i => weights[i]), sum = 0;
                kept = [.. kept.TakeWhile(i => (sum += weights[i]) - weights[i] < enough)];
            }

            kept = [.. kept.Where(i => weights[i] >= Math.Min(1, minP * (1 - slack)))];
            double target = Math.Clamp(point + slack, 0, 1) * kept.Sum(i => weights[i]), before = 0;
            foreach (int i in kept)
            {
                before += weights[i];
                if (before > target)
                    return Array.IndexOf(order, i);
            }

            return Array.IndexOf(order, kept[^1]);
        }
    }
}
