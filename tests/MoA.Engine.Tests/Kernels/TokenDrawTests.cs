using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Tests;

namespace MoA.Engine.Tests.Kernels;

/// <summary>Tokens drawn against the definition, which sorts everything and adds up in double.</summary>
public sealed class TokenDrawTests
{
    // How far a sum of weights may be from the definition's, which adds in another order, as a share of all: a few hundred
    // roundings of 2^-53. A point, or top-p's sum, nearer to a border between two tokens may fall on either.
    private const double Slack = 1e-12;

    private static readonly double[] Temperatures = [1e-310, 1e-40, 0.01, 0.2, 0.7, 1, 1, 3, 100, 999];
    private static readonly int[] TopKs = [0, 0, 1, 2, 5, 40, 300, 6000, int.MaxValue];
    private static readonly double[] TopPs = [1, 1, 1e-9, 0.3, 0.9, 0.95, 0.999999, 1 - 1e-12];
    private static readonly double[] MinPs = [0, 0, 1e-300, 1e-6, 0.05, 0.5, 1];
    private static readonly double[] Points = [0, 0.25, 0.5, 1 - 1e-9, Math.BitDecrement(1)];
    private static readonly int[] Vocabularies = [1, 2, 7, 8, 9, 31, 255, 256, 257, 263, 512, 700, 3000, 6000];

    /// <summary>Random logits and those that try a search for borders: equal ones, ever smaller differences, masks, huge numbers.</summary>
    private static readonly (string Name, Func<SplitMix64, int, float[]> Make)[] Shapes =
    [
        ("random", (random, count) => Logits(ref random, count, x => 10 * x)),
        ("coarse", (random, count) => Logits(ref random, count, x => MathF.Round(40 * x) / 16)),
        ("peaked", (random, count) => Logits(ref random, count, x => x * x * x * 400)),
        ("equal", (random, count) => Logits(ref random, count, _ => -3.25f)),
        ("zeros of both signs", (random, count) => Logits(ref random, count, x => x < 0 ? -0f : 0f)),
        ("nearly equal", (random, count) => Logits(ref random, count, x => 7 + MathF.Round(x * 3) * 4.7683716e-7f)),
        ("least numbers", (random, count) => Logits(ref random, count, x => MathF.Round(x * 100) * float.Epsilon)),
        ("huge", (random, count) => Logits(ref random, count, x => x * 3e38f * 2)),
        ("masked", (random, count) => Logits(ref random, count, x => x > 0.1f ? float.NegativeInfinity : x * 8)),
        ("masked far off", (random, count) => Logits(ref random, count, x => x > 0.3f ? -10000 : x)),
        ("one far above", (random, count) => Logits(ref random, count, x => x > 0.499f ? 50 : x)),
    ];

    [Fact]
    public void Tokens_follow_the_definition()
    {
        Gen<Case> cases =
            from shape in Gen.Choose(0, Shapes.Length - 1)
            from vocabulary in Gen.Elements(Vocabularies)
            from temperature in Gen.Elements(Temperatures)
            from topK in Gen.Elements(TopKs)
            from topP in Gen.Elements(TopPs)
            from minP in Gen.Elements(MinPs)
            from point in Gen.OneOf(Gen.Elements(Points), Gen.Choose(0, 999_999).Select(x => x / 1e6))
            from seed in Gen.Choose(0, int.MaxValue)
            select new Case(shape, vocabulary, new TokenDraw(temperature, topK, topP, minP, point), seed);
        Prop.ForAll(cases.ToArbitrary(), Check).Holds(3000);

        static void Check(Case one)
        {
            float[] logits = Shapes[one.Shape].Make(new SplitMix64((ulong)one.Seed), one.Vocabulary);
            double[] scratch = new double[TokenDraw.ScratchDoubles(logits.Length)];
            if (!logits.Any(float.IsFinite))
            {
                Assert.Equal(-1, one.Draw.From(logits, scratch));
                return;
            }

            Definition definition = new(logits, one.Draw);
            definition.AssertDrawn(one.Draw.Point, one.Draw.From(logits, scratch), Shapes[one.Shape].Name);
        }
    }

    /// <summary>A point in the middle of each share draws its token: what is kept is what the definition keeps, all of it and nothing else.</summary>
    [Fact]
    public void What_is_kept_is_what_the_definition_keeps()
    {
        Gen<Case> cases =
            from shape in Gen.Choose(0, Shapes.Length - 1)
            from vocabulary in Gen.Elements(1, 2, 5, 16, 300)
            from temperature in Gen.Elements(Temperatures)
            from topK in Gen.Elements(TopKs)
            from topP in Gen.Elements(1, 0.31, 0.87, 0.9501)
            from minP in Gen.Elements(MinPs)
            from seed in Gen.Choose(0, int.MaxValue)
            select new Case(shape, vocabulary, new TokenDraw(temperature, topK, topP, minP, 0), seed);
        Prop.ForAll(cases.ToArbitrary(), Check).Holds(400);

        static void Check(Case one)
        {
            float[] logits = Shapes[one.Shape].Make(new SplitMix64((ulong)one.Seed), one.Vocabulary);
            if (!logits.Any(float.IsFinite))
                return;
            double[] scratch = new double[TokenDraw.ScratchDoubles(logits.Length)];
            Definition definition = new(logits, one.Draw);
            if (definition.IsNearBorder)
                return;
            foreach ((int token, double point) in definition.Middles())
                Assert.Equal(token, (one.Draw with { Point = point }).From(logits, scratch));
        }
    }

    /// <summary>Rows draw for themselves, the same on any number of threads and at any width, and -1 where they are not finite.</summary>
    [Theory]
    [MemberData(nameof(Machine.InstructionSets), MemberType = typeof(Machine))]
    internal void Rows_are_drawn_side_by_side(InstructionSet set)
    {
        const int rows = 9, vocabulary = 1003;
        SplitMix64 random = new(5);
        float[] logits = Logits(ref random, rows * vocabulary, x => 12 * x);
        logits[3 * vocabulary + 500] = float.NaN;
        logits.AsSpan(6 * vocabulary, vocabulary).Fill(float.NegativeInfinity);
        TokenDraw[] draws = [.. Enumerable.Range(0, rows).Select(row => new TokenDraw(
            row % 3 * 0.6, row % 2 * 40, row % 4 == 1 ? 0.9 : 1, row == 8 ? 0.1 : 0, row / (double)rows))];
        double[] scratch = new double[TokenDraw.ScratchDoubles(vocabulary)];
        int[] expected = [.. draws.Select((draw, row) => draw.From(logits.AsSpan(row * vocabulary, vocabulary), scratch))];
        Assert.Equal([3, 6], Enumerable.Range(0, rows).Where(row => expected[row] == -1));
        foreach (int threads in new[] { 1, 4 })
        {
            using ComputeBackend backend = ComputeBackend.CreateCpu(threads, set);
            using Tensor tensor = backend.Allocate(rows, vocabulary);
            backend.Write(logits, rows, tensor);
            int[] tokens = new int[rows];
            backend.Draw(tensor, draws, tokens);
            Assert.Equal(expected, tokens);
        }
    }

    [Fact]
    public void What_is_not_finite_is_found_wherever_it_stands()
    {
        double[] scratch = new double[TokenDraw.ScratchDoubles(300)];
        foreach (float bad in new[] { float.NaN, -float.NaN, float.PositiveInfinity })
        {
            for (int place = 0; place < 300; place++)
            {
                float[] logits = new float[300];
                logits[place] = bad;
                foreach (double temperature in new[] { 0, 0.8 })
                    Assert.Equal(-1, new TokenDraw(temperature, 20, 0.9, 0.1, 0.5).From(logits, scratch));
            }
        }
    }

    private static float[] Logits(ref SplitMix64 random, int count, Func<float, float> make)
    {
        float[] logits = new float[count];
        for (int i = 0; i < count; i++)
            logits[i] = make((float)(random.NextDouble() - 0.5));
        return logits;
    }

    private sealed record Case(int Shape, int Vocabulary, TokenDraw Draw, int Seed)
    {
        public override string ToString() => $"{Shapes[Shape].Name}, {Vocabulary} tokens, {Draw}, seed {Seed}";
    }

    /// <summary>Temperature, top-k, top-p, min-p, in this order, over all tokens sorted by logit, equal ones by token.</summary>
    private sealed class Definition
    {
        private readonly double[] _weights;
        private readonly int[] _order;
        private readonly TokenDraw _draw;

        public Definition(float[] logits, TokenDraw draw)
        {
            double largest = logits.Max();
            _weights = [.. logits.Select(logit => Math.Exp((logit - largest) / draw.Temperature))];
            bool sorted = draw.TopK > 0 || draw.TopP < 1;
            int[] tokens = [.. Enumerable.Range(0, logits.Length)];
            _order = sorted ? [.. tokens.OrderByDescending(token => logits[token]).ThenBy(token => token)] : tokens;
            _draw = draw;
        }

        /// <summary>Whether rounding can move top-p's border.</summary>
        public bool IsNearBorder => Kept(-Slack).Length != Kept(Slack).Length;

        /// <summary>Of every token kept, but for those with next to no share, the middle of the points that draw it.</summary>
        public IEnumerable<(int Token, double Point)> Middles()
        {
            int[] kept = Kept(0);
            double total = kept.Sum(token => _weights[token]), before = 0;
            foreach (int token in kept)
            {
                if (_weights[token] > 1e-9 * total)
                    yield return (token, (before + _weights[token] / 2) / total);
                before += _weights[token];
            }
        }

        /// <summary>The token must stand between the places of the points a little before and after, under a top-p a little smaller and larger.</summary>
        public void AssertDrawn(double point, int token, string shape)
        {
            Assert.True((uint)token < (uint)_order.Length, $"{shape}: {token} is no token");
            Assert.True(_weights[token] > 0, $"{shape}: {token} is impossible");
            int place = Array.IndexOf(_order, token), first = Place(point, -Slack), last = Place(point, Slack);
            Assert.True(place >= first && place <= last, $"{shape}: token {token} stands at {place}, not from {first} to {last}");
        }

        private int[] Kept(double slack)
        {
            int[] kept = _draw.TopK > 0 ? [.. _order.Take(_draw.TopK)] : _order;
            if (_draw.TopP < 1)
            {
                double enough = (_draw.TopP + slack) * kept.Sum(token => _weights[token]), sum = 0;
                kept = [.. kept.TakeWhile((token, i) => i == 0 | (sum += _weights[token]) - _weights[token] < enough)];
            }

            return [.. kept.Where(token => _weights[token] >= _draw.MinP)];
        }

        private int Place(double point, double slack)
        {
            int[] kept = Kept(slack);
            double target = (point + slack) * kept.Sum(token => _weights[token]), before = 0;
            foreach (int token in kept)
            {
                before += _weights[token];
                if (before > target && _weights[token] > 0)
                    return Array.IndexOf(_order, token);
            }

            return Array.IndexOf(_order, kept.Last(token => _weights[token] > 0));
        }
    }
}
