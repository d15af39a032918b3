using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Kernels.Gradients;
using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Kernels.Gradients;

/// <summary>Gradients of single operations against central differences of their definitions in double.</summary>
public sealed class GradientKernelsTests
{
    public static IEnumerable<object?[]> InstructionSets => new TheoryData<InstructionSet>(Enum.GetValues<InstructionSet>());

    /// <summary>Sizes below, at and above whole vectors; several norms in a row, as over single heads.</summary>
    [Theory]
    [MemberData(nameof(InstructionSets))]
    internal unsafe void Gradient_of_the_norm(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        using GradientKernels kernels = backend.CreateGradients(AttentionLayer.Config(1, 1, 8), 64);
        foreach ((int rows, int size, int perRow) in new[] { (3, 5, 1), (20, 37, 2), (2, 64, 1) })
        {
            Random random = new(size);
            float[] x = Uniform(random, rows * size * perRow), dy = Uniform(random, x.Length), w = Uniform(random, size);
            using Tensor xs = Filled(backend, x, rows), dys = Filled(backend, dy, rows), dxs = Filled(backend, x, rows);
            fixed (float* start = w)
            {
                WeightTensor weight = new("norm", ElementType.F32, 1, size, start);
                kernels.RmsNormGradient(xs, rows, weight, 1e-3f, dys, dxs, accumulate: true);
                kernels.RmsNormGradient(xs, rows, weight, 1e-3f, dys, dys);
            }

            for (int i = 0; i < x.Length; i++)
            {
                int first = i / size * size;
                double expected = Derivative(x[i], v =>
                {
                    double[] row = [.. Enumerable.Range(first, size).Select(k => k == i ? v : x[k])];
                    double r = 1 / Math.Sqrt(row.Average(t => t * t) + 1e-3f);
                    return Enumerable.Range(0, size).Sum(k => dy[first + k] * w[k] * row[k] * r);
                });
                Assert.Equal(expected, backend.Read(dys, rows)[i], 1e-5);
                Assert.Equal(x[i] + expected, backend.Read(dxs, rows)[i], 1e-5);
            }
        }
    }

    public static IEnumerable<object?[]> Activations()
    {
        TheoryData<Activation, InstructionSet> cases = [];
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            foreach (InstructionSet set in Enum.GetValues<InstructionSet>())
                cases.Add(activation, set);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Activations))]
    internal void Gradient_of_the_gated_activation(Activation activation, InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        using GradientKernels kernels = backend.CreateGradients(AttentionLayer.Config(1, 1, 8), 64);
        Random random = new(1);
        // Beyond 7, and far beyond it, the clamped activation changes no more.
        float[] gate = [.. Uniform(random, 3 * 37).Select(x => 12 * x)], up = [.. Uniform(random, gate.Length).Select(x => 12 * x)];
        float[] dy = Uniform(random, gate.Length);
        (gate[5], up[6], up[7], gate[8], up[8]) = (4e4f, -3e3f, 7.01f, -1e5f, 1);
        using Tensor gates = Filled(backend, gate, 3), ups = Filled(backend, up, 3), dys = Filled(backend, dy, 3);
        kernels.ActivationGradient(activation, gates, ups, dys, 3);
        for (int i = 0; i < gate.Length; i++)
        {
            double Value(double g, double u) => dy[i] * GatedValue(activation, g, u);
            Near(Derivative(gate[i], g => Value(g, up[i])), backend.Read(gates, 3)[i]);
            Near(Derivative(up[i], u => Value(gate[i], u)), backend.Read(ups, 3)[i]);
        }
    }

    [Theory]
    [MemberData(nameof(InstructionSets))]
    internal void Gradient_of_the_cross_entropy_of_capped_logits(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        using GradientKernels kernels = backend.CreateGradients(AttentionLayer.Config(1, 1, 8), 64);
        const float Cap = 5;
        foreach (int vocabulary in new[] { 3, 37, 70 })
        {
            float[] logits = [.. Uniform(new Random(vocabulary), vocabulary).Select(x => 12 * x)];
            double[] losses = new double[1];
            using Tensor tensor = Filled(backend, logits, 1);
            kernels.CrossEntropyGradient(tensor, [1], 0.5f, losses, Cap);
            double Loss(int changed, double value)
            {
                double[] capped = [.. logits.Select((x, v) => Cap * Math.Tanh((v == changed ? value : x) / Cap))];
                return Math.Log(capped.Sum(Math.Exp)) - capped[1];
            }

            Assert.Equal(Loss(0, logits[0]), losses[0], 1e-6);
            for (int v = 0; v < vocabulary; v++)
                Assert.Equal(0.5 * Derivative(logits[v], value => Loss(v, value)), backend.Read(tensor, 1)[v], 1e-6);
        }
    }

    [Theory]
    [MemberData(nameof(InstructionSets))]
    internal void Loss_and_gradient_of_the_cross_entropy(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        using GradientKernels kernels = backend.CreateGradients(AttentionLayer.Config(1, 1, 8), 64);
        foreach (int vocabulary in new[] { 3, 37, 2100 })
        {
            float[] logits = [.. Uniform(new Random(vocabulary), 2 * vocabulary).Select(x => 9 * x)];
            int[] targets = [vocabulary - 1, 1];
            double[] losses = new double[2];
            using Tensor tensor = Filled(backend, logits, 2);
            kernels.CrossEntropyGradient(tensor, targets, 0.25f, losses);
            for (int row = 0; row < 2; row++)
            {
                double[] exponentials =
                    [.. logits.Skip(row * vocabulary).Take(vocabulary).Select(x => Math.Exp(x))];
                double sum = exponentials.Sum();
                Assert.Equal(-Math.Log(exponentials[targets[row]] / sum), losses[row], 1e-6);
                for (int v = 0; v < vocabulary; v++)
                {
                    double expected = 0.25 * (exponentials[v] / sum - (v == targets[row] ? 1 : 0));
                    Assert.Equal(expected, backend.Read(tensor, 2)[row * vocabulary + v], 1e-6);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(InstructionSets))]
    internal unsafe void Gradient_of_a_projection(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        using GradientKernels kernels = backend.CreateGradients(AttentionLayer.Config(1, 1, 8), 64);
        const int Rows = 7, Outputs = 19, Inputs = 70;
        Random random = new(2);
        float[] w = Uniform(random, Outputs * Inputs), dy = Uniform(random, Rows * Outputs);
        using Tensor dys = Filled(backend, dy, Rows), dxs = backend.Allocate(Rows, Inputs);
        fixed (float* start = w)
        {
            WeightTensor weight = new("w", ElementType.F32, Outputs, Inputs, start);
            kernels.ProjectGradient(dys, Rows, weight, dxs);
            kernels.ProjectGradient(dys, Rows, weight, dxs, accumulate: true);
        }

        for (int i = 0; i < Rows * Inputs; i++)
        {
            double once = Enumerable.Range(0, Outputs).Sum(
                o => (double)dy[i / Inputs * Outputs + o] * w[o * Inputs + i % Inputs]);
            Assert.Equal(2 * once, backend.Read(dxs, Rows)[i], 1e-5);
        }
    }

    private static double GatedValue(Activation activation, double gate, double up)
    {
        switch (activation)
        {
            case Activation.Silu:
                return gate / (1 + Math.Exp(-gate)) * up;
            case Activation.GeluTanh:
                return 0.5 * gate * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (gate + 0.044715 * gate * gate * gate))) * up;
            default:
                double g = Math.Min(gate, 7), v = Math.Clamp(up, -7, 7);
                return g / (1 + Math.Exp(-1.702 * g)) * (v + 1);
        }
    }

    private static void Near(double expected, float actual) =>
        Assert.InRange(Math.Abs(actual - expected), 0, 1e-5 * Math.Max(1, Math.Abs(expected)));

    private static double Derivative(double x, Func<double, double> function)
    {
        const double Step = 1e-5;
        return (function(x + Step) - function(x - Step)) / (2 * Step);
    }

    private static float[] Uniform(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];

    private static unsafe Tensor Filled(ComputeBackend backend, float[] values, int rows)
    {
        Tensor tensor = backend.Allocate(rows, values.Length / rows);
        values.CopyTo(new Span<float>(tensor.Data, values.Length));
        return tensor;
    }
}
