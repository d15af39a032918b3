using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Kernels;

/// <summary>RMS norm, rotary embedding, SwiGLU, embedding and gathering, each against its formula in double precision.</summary>
public sealed class RowOperationTests
{
    private static readonly ElementType[] Types = Enum.GetValues<ElementType>();

    public static IEnumerable<object?[]> Sets => Machine.InstructionSets;

    [Theory]
    [MemberData(nameof(Sets))]
    internal void Rms_norm_follows_its_formula(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        Random random = new(1);
        (int, int, int)[] shapes = [(1, 1, 1), (5, 1, 7), (17, 1, 64), (33, 3, 24), (16, 2, 80), (40, 1, 101)];
        foreach ((int rows, int heads, int columns) in shapes)
        {
            foreach (ElementType type in Types.Where(type => !type.IsQuantized()))
            {
                using Weights weight = new(random, type, 1, columns);
                float[] x = TensorRows.Random(random, rows * heads * columns, scale: 3);
                using Tensor input = TensorRows.Create(backend, heads * columns, x);
                using Tensor output = TensorRows.Create(backend, heads * columns, new float[x.Length]);
                backend.RmsNorm(input, rows, weight.Tensor, 1e-5f, output);
                float[] expected = Norm(x, weight.Values, 1e-5);
                Assert.InRange(Difference.Largest(TensorRows.Read(backend, output), expected), 0, 2e-6);
                backend.RmsNorm(input, rows, weight.Tensor, 1e-5f, input);
                Assert.Equal(TensorRows.Read(backend, output), TensorRows.Read(backend, input));
            }
        }

        static float[] Norm(float[] x, float[] weight, double epsilon) => [.. x.Chunk(weight.Length).SelectMany(row =>
        {
            double scale = 1 / Math.Sqrt(row.Average(value => (double)value * value) + epsilon);
            return row.Select((value, i) => (float)(value * scale * weight[i]));
        })];
    }

    [Theory]
    [MemberData(nameof(Sets))]
    internal void Rope_turns_pairs_by_the_position_and_back(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        Random random = new(2);
        (int, int, int, int)[] shapes =
        [
            (1, 1, 2, 2), (3, 2, 6, 6), (17, 3, 24, 24), (20, 1, 80, 80), (16, 2, 96, 96), (35, 2, 128, 128), (2, 3, 100, 100), (3, 2, 16, 12), (5, 3, 128, 96), (2, 1, 80, 2),
        ];
        foreach ((int rows, int heads, int size, int turned) in shapes)
        {
            foreach (RopePairs pairs in Enum.GetValues<RopePairs>())
                CheckRope(backend, random, rows, heads, size, turned, pairs);
        }
    }

    /// <summary>Rows beyond those asked for stay as they are.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    internal void Numbers_are_scaled_added_and_capped(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        Random random = new(4);
        foreach ((int rows, int columns) in new[] { (1, 1), (3, 5), (7, 33), (9, 5000), (1, 16_384), (1, 16_385) })
        {
            float[] x = TensorRows.Random(random, (rows + 1) * columns, scale: 40), y = TensorRows.Random(random, (rows + 1) * columns, scale: 3);
            int count = rows * columns;
            Check((xs, _) => backend.Scale(xs, rows, 0.37f), onX: true, (one, _) => 0.37f * (double)one);
            Check((xs, ys) => backend.Add(xs, rows, -1.7f, ys), onX: false, (one, other) => other - 1.7f * (double)one);
            Check((xs, _) => backend.SoftCap(xs, rows, 30), onX: true, (one, _) => 30 * Math.Tanh(one / 30.0));

            void Check(Action<Tensor, Tensor> operation, bool onX, Func<float, float, double> definition)
            {
                using Tensor xs = TensorRows.Create(backend, columns, x), ys = TensorRows.Create(backend, columns, y);
                operation(xs, ys);
                float[] expected = [.. x.Zip(y, definition).Select(value => (float)value)], old = onX ? x : y;
                double[] errors = [.. x.Zip(y, (one, other) => 4e-7 * (Math.Abs((double)one) * 2 + Math.Abs(other)))];
                float[] actual = TensorRows.Read(backend, onX ? xs : ys);
                Difference.AssertWithin(errors.AsSpan(0, count), actual.AsSpan(0, count), expected.AsSpan(0, count), $"{rows} x {columns}");
                Assert.Equal(old.AsSpan(count), actual.AsSpan(count));
            }
        }
    }

    public static IEnumerable<object?[]> SetsAndActivations()
    {
        TheoryData<InstructionSet, Activation> data = [];
        foreach (InstructionSet set in Machine.All)
        {
            foreach (Activation activation in Enum.GetValues<Activation>())
                data.Add(set, activation);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(SetsAndActivations))]
    internal void Activations_follow_their_formulas(InstructionSet set, Activation activation)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        Random random = new(3);
        foreach ((int rows, int columns) in new[] { (1, 1), (3, 5), (7, 33), (9, 5000), (1, 16_384), (1, 16_385) })
        {
            float[] gate = TensorRows.Random(random, rows * columns, scale: 30);
            float[] up = TensorRows.Random(random, rows * columns, scale: 5);
            gate[0] = -200; // e^200 is beyond a float
            using Tensor gates = TensorRows.Create(backend, columns, gate);
            using Tensor ups = TensorRows.Create(backend, columns, up);
            backend.Activate(activation, gates, ups, rows);
            float[] expected = [.. gate.Zip(up, (z, u) => (float)Definition(activation, z, u))];
            double[] errors = [.. gate.Zip(up, (z, u) => 1e-6 * Math.Max(1, Math.Abs((double)z * u)))];
            Difference.AssertWithin(errors, TensorRows.Read(backend, gates), expected, $"{activation}");
        }
    }

    /// <summary>What is no number stays none: a pass that went wrong is found by its logits.</summary>
    [Theory]
    [MemberData(nameof(SetsAndActivations))]
    internal void Activations_hide_nothing(InstructionSet set, Activation activation)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(1, set);
        using Tensor gates = TensorRows.Create(backend, 2, [float.NaN, 1]);
        using Tensor ups = TensorRows.Create(backend, 2, [1, float.NaN]);
        backend.Activate(activation, gates, ups, 1);
        Assert.All(TensorRows.Read(backend, gates), value => Assert.True(float.IsNaN(value)));
    }

    private static double Definition(Activation activation, double gate, double up)
    {
        switch (activation)
        {
            case Activation.Silu:
                return gate / (1 + Math.Exp(-gate)) * up;
            case Activation.GeluTanh:
                return 0.5 * gate * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (gate + 0.044715 * gate * gate * gate))) * up;
            default:
                gate = Math.Min(gate, 7);
                return gate / (1 + Math.Exp(-1.702 * gate)) * (Math.Clamp(up, -7, 7) + 1);
        }
    }

    [Theory]
    [MemberData(nameof(Sets))]
    internal void Embedding_and_gathering_copy_the_rows_asked_for(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(1, set);
        Random random = new(4);
        int[] tokens = [4, 0, 4, 2];
        foreach (ElementType type in Types)
        {
            int width = type.IsQuantized() ? type.ElementsPerBlock() : 37;
            using Weights embedding = new(random, type, 5, width);
            using Tensor rows = TensorRows.Create(backend, width, new float[tokens.Length * width]);
            backend.Embed(tokens, embedding.Tensor, rows);
            float[] expected = [.. tokens.SelectMany(token => embedding.Values[(token * width)..((token + 1) * width)])];
            Assert.InRange(Difference.Largest(TensorRows.Read(backend, rows), expected), 0, type.IsQuantized() ? 1e-6 : 0);
            using Tensor gathered = TensorRows.Create(backend, width, new float[2 * width]);
            backend.Gather(rows, [3, 1], gathered);
            float[] read = TensorRows.Read(backend, rows);
            Assert.Equal([.. read[(3 * width)..(4 * width)], .. read[width..(2 * width)]], TensorRows.Read(backend, gathered));
        }
    }

    private static void CheckRope(ComputeBackend backend, Random random, int rows, int heads, int size, int turns, RopePairs pairs)
    {
        const double Factor = 1.25;
        int half = turns / 2;
        int[] positions = [.. Enumerable.Range(0, rows).Select(row => row * 131 % 200_000)];
        positions[^1] = 200_000;
        double[] frequencies = [.. Enumerable.Range(0, half).Select(f => Math.Pow(10_000, -2.0 * f / turns))];
        float[] x = TensorRows.Random(random, rows * heads * size);
        using Tensor angles = TensorRows.Create(backend, turns, new float[rows * turns]);
        using Tensor turned = TensorRows.Create(backend, heads * size, x);
        backend.RopeAngles(positions.AsSpan(0, rows / 2), frequencies, (float)Factor, angles);
        backend.RopeAngles(positions.AsSpan(rows / 2), frequencies, (float)Factor, angles, rows / 2);
        backend.Rope(turned, rows, size, pairs, angles);
        float[] expected = [.. x];
        for (int i = 0; i < x.Length / size; i++)
        {
            for (int f = 0; f < half; f++)
            {
                (int first, int second) = pairs == RopePairs.Halves ? (f, f + half) : (2 * f, 2 * f + 1);
                double angle = positions[i / heads] * frequencies[f];
                double a = Factor * x[i * size + first], b = Factor * x[i * size + second];
                expected[i * size + first] = (float)(a * Math.Cos(angle) - b * Math.Sin(angle));
                expected[i * size + second] = (float)(a * Math.Sin(angle) + b * Math.Cos(angle));
            }
        }

        Assert.InRange(Difference.Largest(TensorRows.Read(backend, turned), expected), 0, 1e-6);
        backend.Rope(turned, rows, size, pairs, angles, inverse: true);
        float[] back = [.. x.Select((value, i) => (float)(i % size < turns ? Factor * Factor * value : value))];
        Assert.InRange(Difference.Largest(TensorRows.Read(backend, turned), back), 0, 1e-6);
    }
}
