using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Tests;

namespace MoA.Engine.Tests.Kernels;

/// <summary>Feed-forward networks of experts against their definition, and each row of them against the row alone.</summary>
public sealed unsafe class ExpertTests
{
    private static readonly ElementType[] Types = Enum.GetValues<ElementType>();

    public static IEnumerable<object?[]> Sets => Machine.InstructionSets;

    /// <summary>Scores by hand: softmax over the chosen, over all, ties to the lower number, and what is no number.</summary>
    [Fact]
    public void The_highestScores_are_chosen_and_weighed()
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(1, InstructionSet.Scalar);
        float log2 = MathF.Log(2), log3 = MathF.Log(3);
        Check([0, log3, log2, 0], 2, true, [1, 2], [0.6, 0.4]);
        Check([0, log3, log2, 0], 2, false, [1, 2], [3 / 7.0, 2 / 7.0]);
        Check([log3, 0, 0, 0], 3, true, [0, 1, 2], [0.6, 0.2, 0.2]);
        Check([0, 0, 0, log2], 2, false, [0, 3], [0.2, 0.4]);
        Check([7, 7, 7, 7], 4, true, [0, 1, 2, 3], [0.25, 0.25, 0.25, 0.25]);
        Check([1e30f, -1e30f, 0, 0], 1, true, [0], [1]);
        Check([-2000, -2000, -3000, -4000], 2, false, [0, 1], [0.5, 0.5]);
        Check([float.NaN, 1, 0, 1], 2, true, [1, 3], [0.5, 0.5]);
        Check([float.NaN, 1, 0, 1], 2, false, [1, 3], [double.NaN, double.NaN]);
        Check([float.NaN, float.NaN, float.NaN, 1], 2, true, [0, 3], [double.NaN, double.NaN]);
        Check([float.NaN, float.NaN, float.NaN, float.NaN], 3, true, [0, 1, 2], [double.NaN, double.NaN, double.NaN]);
        Check([float.PositiveInfinity, 0, 0, 0], 2, true, [0, 1], [double.NaN, double.NaN]);
        Check([float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity, 0], 1, false, [3], [1]);

        void Check(float[] scores, int used, bool isNormalized, int[] experts, double[] weights)
        {
            using ExpertWork work = new(backend, 3, new(4, used, 1, 1));
            backend.Write([.. scores, .. scores], 2, work.Scores);
            backend.ChooseExperts(work, 2, isNormalized);
            Assert.Equal([.. experts, .. experts], new Span<int>(work.Chosen, 2 * used).ToArray());
            for (int i = 0; i < 2 * used; i++)
                Assert.Equal((float)weights[i % used], work.Weights[i], 1e-7f);
        }
    }

    /// <summary>Against a choice by sorting, for any number of experts and scores that are often equal.</summary>
    [Fact]
    public void Choices_are_those_of_a_sort()
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, InstructionSet.Scalar);
        Prop.ForAll(
            (from experts in Gen.Choose(1, 130)
             from used in Gen.Choose(1, experts)
             from rows in Gen.Choose(1, 20)
             from seed in Gen.Choose(0, int.MaxValue)
             select (experts, used, rows, seed)).ToArbitrary(),
            shape =>
            {
                (int experts, int used, int rows, int seed) = shape;
                Random random = new(seed);
                float[] scores = [.. Enumerable.Range(0, rows * experts).Select(_ => random.Next(-20, 20) / 4f)];
                using ExpertWork work = new(backend, rows, new(experts, used, 1, 1));
                backend.Write(scores, rows, work.Scores);
                backend.ChooseExperts(work, rows, isNormalized: seed % 2 == 0);
                int[] places = new int[rows * used];
                for (int row = 0; row < rows; row++)
                {
                    float[] own = scores[(row * experts)..((row + 1) * experts)];
                    int[] chosen = [.. Enumerable.Range(0, experts).OrderByDescending(e => own[e]).ThenBy(e => e).Take(used).Order()];
                    double sum = (seed % 2 == 0 ? chosen : Enumerable.Range(0, experts)).Sum(e => Math.Exp(own[e]));
                    for (int i = 0; i < used; i++)
                    {
                        int at = row * used + i;
                        Assert.Equal(chosen[i], work.Chosen[at]);
                        Assert.Equal(Math.Exp(own[chosen[i]]) / sum, work.Weights[at], 1e-6);
                        int place = places[at] = work.PlaceOf[at];
                        Assert.Equal((row, chosen[i]), (work.RowAt[place], work.ExpertAt[place]));
                        Assert.InRange(place, work.Starts[chosen[i]], work.Starts[chosen[i] + 1] - 1);
                    }
                }

                Assert.Equal(Enumerable.Range(0, rows * used), places.Order());
            }).Holds(100);
    }

    /// <summary>Sums in double of what the widened weights say, where products do not round.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    internal void Layers_follow_the_definition(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        foreach (ElementType type in new[] { ElementType.F32, ElementType.F16, ElementType.BF16 })
        {
            CheckDefinition(backend, new Shape(1, 8, 2, 40, 33, type, true, true, 1));
            CheckDefinition(backend, new Shape(5, 3, 3, 17, 70, type, false, true, 2));
            CheckDefinition(backend, new Shape(150, 4, 2, 24, 16, type, true, false, 3));
            CheckDefinition(backend, new Shape(9, 1, 1, 1, 1, type, false, false, 4));
        }
    }

    /// <summary>
    /// Bit for bit what the row gets alone and at any number of threads, in every format; and what products of one weight each give it, but for the
    /// rounding of their sum.
    /// </summary>
    [Theory]
    [MemberData(nameof(Sets))]
    internal void Rows_do_not_depend_on_what_is_beside_them(InstructionSet set)
    {
        using ComputeBackend one = ComputeBackend.CreateCpu(1, set), three = ComputeBackend.CreateCpu(3, set);
        Prop.ForAll(
            (from rows in Gen.Choose(1, 90)
             from experts in Gen.Choose(1, 9)
             from used in Gen.Choose(1, experts)
             from hidden in Gen.Choose(1, 60)
             from inner in Gen.Choose(1, 60)
             from type in Gen.Elements(Types)
             from biased in Gen.Elements(false, true)
             from accumulate in Gen.Elements(false, true)
             from seed in Gen.Choose(0, int.MaxValue)
             select new Shape(rows, experts, used, Whole(type, hidden), Whole(type, inner), type, biased, accumulate, seed)).ToArbitrary(),
            shape => CheckRows(one, three, shape)).Holds(40);
    }

    /// <summary>Experts of several formats in one layer, and some laid out before.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    internal void Experts_may_be_of_different_formats(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        Shape shape = new(7, 5, 2, 64, 96, ElementType.Q8_0, true, true, 5);
        ElementType[] types = [ElementType.Q8_0, ElementType.BF16, ElementType.Q4_0, ElementType.F32];
        using Layer layer = new(shape, (expert, matrix) => types[(expert + matrix) % 4]);
        CheckRows(backend, backend, shape, layer);
        FeedForwardWeights[] placed = [.. layer.Experts.Select((expert, i) => i % 2 == 0 ? expert : expert.Convert(weight => weight.Rows > 1 ? backend.Place(weight) : weight))];
        Assert.Equal(layer.Run(backend, layer.Experts, 0, 7), layer.Run(backend, placed, 0, 7));
        foreach (IDisposable weight in placed.SelectMany(expert => expert.All).OfType<IDisposable>())
            weight.Dispose();
    }

    [Fact]
    public void Steps_allocate_no_managed_memory()
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        Shape shape = new(6, 16, 4, 96, 64, ElementType.Q4_0, true, true, 6);
        using Layer layer = new(shape);
        using ExpertWork work = layer.CreateWork(backend);
        using Tensor x = TensorRows.Create(backend, shape.Hidden, layer.Inputs), y = TensorRows.Create(backend, shape.Hidden, layer.Residual);
        backend.Write(layer.Scores, shape.Rows, work.Scores);
        long allocated = 0;
        for (int step = 0; step < 40; step++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Layer.Run(backend, work, layer, layer.Experts, x, step < 20 ? 1 : 1 + step % 6, y, shape.Accumulates);
            if (step > 3)
                allocated += GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
    }

    private static int Whole(ElementType type, int elements) =>
        (elements + type.ElementsPerBlock() - 1) / type.ElementsPerBlock() * type.ElementsPerBlock();

    private static void CheckDefinition(ComputeBackend backend, Shape shape)
    {
        using Layer layer = new(shape);
        float[] actual = layer.Run(backend, layer.Experts, 0, shape.Rows);
        for (int row = 0; row < shape.Rows; row++)
        {
            double[] expected = layer.Define(row);
            for (int i = 0; i < shape.Hidden; i++)
                Assert.Equal(expected[i], actual[row * shape.Hidden + i], 2e-5);
        }
    }

    private static void CheckRows(ComputeBackend one, ComputeBackend other, Shape shape)
    {
        using Layer layer = new(shape);
        CheckRows(one, other, shape, layer);
    }

    private static void CheckRows(ComputeBackend one, ComputeBackend other, Shape shape, Layer layer)
    {
        float[] all = layer.Run(one, layer.Experts, 0, shape.Rows);
        Assert.Equal(all, layer.Run(other, layer.Experts, 0, shape.Rows));
        for (int row = 0; row < shape.Rows; row += 1 + shape.Rows / 8)
        {
            float[] expected = all[(row * shape.Hidden)..((row + 1) * shape.Hidden)];
            Assert.Equal(expected, layer.Run(one, layer.Experts, row, 1));
            (double[] sums, double[] bounds) = layer.RunAlone(one, row);
            for (int i = 0; i < sums.Length; i++)
                Assert.Equal(sums[i], expected[i], bounds[i]);
        }
    }

    private sealed record Shape(int Rows, int Experts, int Used, int Hidden, int Inner, ElementType Type, bool Biased, bool Accumulates, int Seed)
    {
        public bool IsNormalized => Seed % 2 == 0;
    }

    /// <summary>Random experts and inputs; scores come from the generator, not from a router, so that they do not depend on rounding.</summary>
    private sealed class Layer : IDisposable
    {
        private readonly Shape _shape;
        private readonly Weights[][] _weights;

        public Layer(Shape shape, Func<int, int, ElementType>? typeOf = null)
        {
            _shape = shape;
            Random random = new(shape.Seed);
            _weights = [.. Enumerable.Range(0, shape.Experts).Select(expert => (Weights[])
            [
                new(random, typeOf?.Invoke(expert, 0) ?? shape.Type, shape.Inner, shape.Hidden), new(random, typeOf?.Invoke(expert, 1) ?? shape.Type, shape.Inner, shape.Hidden),
                new(random, typeOf?.Invoke(expert, 2) ?? shape.Type, shape.Hidden, shape.Inner), new(random, ElementType.BF16, 1, shape.Inner),
                new(random, ElementType.F32, 1, shape.Inner), new(random, ElementType.F16, 1, shape.Hidden),
            ])];
            Experts = [.. _weights.Select(weights => new FeedForwardWeights
            {
                Gate = weights[0].Tensor,
                Up = weights[1].Tensor,
                Down = weights[2].Tensor,
                GateBias = shape.Biased ? weights[3].Tensor : null,
                UpBias = shape.Biased ? weights[4].Tensor : null,
                DownBias = shape.Biased ? weights[5].Tensor : null,
            })];
            Inputs = TensorRows.Random(random, shape.Rows * shape.Hidden);
            Residual = TensorRows.Random(random, shape.Rows * shape.Hidden);
            Scores = TensorRows.Random(random, shape.Rows * shape.Experts, 3);
        }

        public FeedForwardWeights[] Experts { get; }

        public float[] Inputs { get; }

        public float[] Residual { get; }

        public float[] Scores { get; }

        public ExpertWork CreateWork(ComputeBackend backend) => new(backend, _shape.Rows, new(_shape.Experts, _shape.Used, _shape.Hidden, _shape.Inner));

        /// <summary>The output of some rows.</summary>
        public float[] Run(ComputeBackend backend, FeedForwardWeights[] experts, int first, int rows)
        {
            int from = first * _shape.Hidden, to = (first + rows) * _shape.Hidden;
            using ExpertWork work = CreateWork(backend);
            using Tensor x = TensorRows.Create(backend, _shape.Hidden, Inputs[from..to]), y = TensorRows.Create(backend, _shape.Hidden, Residual[from..to]);
            backend.Write(Scores.AsSpan(first * _shape.Experts, rows * _shape.Experts), rows, work.Scores);
            Run(backend, work, this, experts, x, rows, y, _shape.Accumulates);
            return TensorRows.Read(backend, y);
        }

        public static void Run(ComputeBackend backend, ExpertWork work, Layer layer, FeedForwardWeights[] experts, Tensor x, int rows, Tensor y, bool accumulate)
        {
            backend.ChooseExperts(work, rows, layer._shape.IsNormalized);
            backend.EnterExperts(x, work, experts);
            backend.Activate(Activation.Silu, work.Gate, work.Up, work.Places);
            backend.LeaveExperts(work, experts, y, accumulate);
        }

        /// <summary>A row's output by products of one weight each, added up in double, and how far a sum of floats can be off.</summary>
        public (double[] Sums, double[] Bounds) RunAlone(ComputeBackend backend, int row)
        {
            using Tensor x = TensorRows.Create(backend, _shape.Hidden, Inputs[(row * _shape.Hidden)..((row + 1) * _shape.Hidden)]);
            using Tensor gate = backend.Allocate(1, _shape.Inner), up = backend.Allocate(1, _shape.Inner), output = backend.Allocate(1, _shape.Hidden);
            double[] sums = [.. Residual[(row * _shape.Hidden)..((row + 1) * _shape.Hidden)].Select(value => _shape.Accumulates ? value : 0.0)];
            double[] bounds = [.. sums.Select(Math.Abs)];
            foreach ((int expert, float weight) in Choice(row))
            {
                FeedForwardWeights weights = Experts[expert];
                backend.Project(x, 1, weights.Gate, weights.GateBias, gate);
                backend.Project(x, 1, weights.Up, weights.UpBias, up);
                backend.Activate(Activation.Silu, gate, up, 1);
                backend.Project(gate, 1, weights.Down, weights.DownBias, output);
                float[] outputs = backend.Read(output, 1);
                for (int i = 0; i < sums.Length; i++)
                {
                    sums[i] += (double)weight * outputs[i];
                    bounds[i] += Math.Abs((double)weight * outputs[i]);
                }
            }

            return (sums, [.. bounds.Select(bound => 2 * (_shape.Used + 1) * Rounding.OfFloats * bound)]);
        }

        /// <summary>A row's output in double.</summary>
        public double[] Define(int row)
        {
            double[] x = [.. Inputs[(row * _shape.Hidden)..((row + 1) * _shape.Hidden)].Select(value => (double)value)];
            double[] sums = new double[_shape.Hidden];
            foreach ((int expert, float weight) in Choice(row))
            {
                Weights[] weights = _weights[expert];
                double[] gate = Product(weights[0].Values, x, weights[3].Values), up = Product(weights[1].Values, x, weights[4].Values);
                double[] output = Product(weights[2].Values, [.. gate.Zip(up, (g, u) => g / (1 + Math.Exp(-g)) * u)], weights[5].Values);
                for (int i = 0; i < sums.Length; i++)
                    sums[i] += weight * output[i];
            }

            return [.. sums.Select((sum, i) => sum + (_shape.Accumulates ? Residual[row * _shape.Hidden + i] : 0))];

            double[] Product(float[] weight, double[] x, float[] bias) =>
                [.. bias.Select((b, i) => (_shape.Biased ? b : 0) + x.Select((value, j) => value * weight[i * x.Length + j]).Sum())];
        }

        public void Dispose()
        {
            foreach (Weights weights in _weights.SelectMany(weights => weights))
                weights.Dispose();
        }

        private IEnumerable<(int Expert, float Weight)> Choice(int row)
        {
            float[] own = Scores[(row * _shape.Experts)..((row + 1) * _shape.Experts)];
            int[] ranked = [.. Enumerable.Range(0, own.Length).OrderByDescending(expert => own[expert]).ThenBy(expert => expert)];
            int[] chosen = ranked[.._shape.Used];
            double sum = (_shape.IsNormalized ? chosen : [.. Enumerable.Range(0, own.Length)]).Sum(Power);
            return chosen.Order().Select(expert => (expert, (float)(Power(expert) / sum)));

            double Power(int expert) => Math.Exp((double)own[expert] - own[ranked[0]]);
        }
    }
}
