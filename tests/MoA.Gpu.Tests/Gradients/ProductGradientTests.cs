using FsCheck;
using FsCheck.Fluent;
using ILGPU;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;
using MoA.Gpu.Kernels.Gradients;
using MoA.Gpu.Tests.Cuda;
using MoA.Gpu.Tests.Kernels;
using MoA.Gpu.Weights;
using MoA.Tests;

namespace MoA.Gpu.Tests.Gradients;

/// <summary>dx = dy·W in every format against sums in double of the engine's definition of the format.</summary>
public sealed class ProductGradientTests
{
    private static readonly ElementType[] Types = [.. Enum.GetValues<ElementType>().Where(PlacedWeight.Takes)];

    [Fact]
    public void Gradients_of_products_follow_their_definition()
    {
        Gen<(ElementType Type, int Inputs, int Outputs, int Rows, bool Accumulate, int Seed)> cases =
            from type in Gen.Elements(Types)
            from blocks in Gen.Choose(1, type.IsQuantized() ? 512 / type.ElementsPerBlock() : 150)
            from outputs in Gen.Choose(1, 70)
            from rows in Gen.Choose(1, 70)
            from accumulate in Gen.Elements(false, true)
            from seed in Gen.Choose(0, int.MaxValue)
            select (type, blocks * type.ElementsPerBlock(), outputs, rows, accumulate, seed);
        Prop.ForAll(cases.ToArbitrary(), c => Check(c.Type, c.Inputs, c.Outputs, c.Rows, c.Accumulate, c.Seed)).Holds(20);
    }

    /// <summary>Every format; one row and more than a tile's; columns that fill no tile.</summary>
    [Theory]
    [InlineData(ElementType.F32, 3, 1, 1)]
    [InlineData(ElementType.F16, 133, 33, 65)]
    [InlineData(ElementType.BF16, 72, 129, 7)]
    [InlineData(ElementType.Q8_0, 96, 31, 130)]
    [InlineData(ElementType.Q4_0, 160, 66, 3)]
    [InlineData(ElementType.Q4_K, 256, 40, 9)]
    [InlineData(ElementType.Q5_K, 512, 3, 66)]
    [InlineData(ElementType.Q6_K, 512, 50, 2)]
    public void Every_format_and_number_of_rows(ElementType type, int inputs, int outputs, int rows) =>
        Check(type, inputs, outputs, rows, accumulate: true, seed: 5);

    /// <summary>On tensor cores, from BF16: a weight in pieces of 64 rows, the last of them shorter.</summary>
    [EmulatedTheory]
    [InlineData(ElementType.Q8_0, false)]
    [InlineData(ElementType.F32, true)]
    public unsafe void Pieces_of_a_weight_add_up(ElementType type, bool accumulate)
    {
        const int Rows = 70, Outputs = 203, Inputs = 96;
        float[] numbers = Numbers.Random(1, Outputs * Inputs), dy = Numbers.Random(2, Rows * Outputs), before = Numbers.Random(3, Rows * Inputs);
        byte[] stored = new byte[Outputs * type.RowBytes(Inputs)];
        using Emulated device = new(tensorCores: true);
        DeviceMemory memory = new(device.Session);
        using DeviceProducts products = new(device.Session, memory, widenedNumbers: 64 * Inputs);
        using DeviceTensor from = new(memory, Rows, Outputs), to = new(memory, Rows, Inputs);
        from.Write(dy, Rows);
        to.Write(before, Rows);
        fixed (float* values = numbers)
        fixed (byte* bytes = stored)
        {
            Quantization.Quantize(values, type, bytes, numbers.Length);
            Quantization.Dequantize(type, bytes, values, numbers.Length);
            using PlacedWeight weight = new(device.Session, memory, new WeightTensor("w", type, Outputs, Inputs, bytes));
            products.RunBack(weight, from, Rows, to, accumulate);
        }

        float[] w = HeadRows.Rounded(numbers, ElementType.BF16), g = HeadRows.Rounded(dy, ElementType.BF16), actual = new float[before.Length];
        to.Read(Rows, actual);
        for (int i = 0; i < actual.Length; i++)
        {
            double expected = accumulate ? before[i] : 0;
            for (int k = 0; k < Outputs; k++)
                expected += (double)g[i / Inputs * Outputs + k] * w[k * Inputs + i % Inputs];
            Assert.Equal(expected, actual[i], 1e-4);
        }
    }

    private static void Check(ElementType type, int inputs, int outputs, int rows, bool accumulate, int seed)
    {
        DeviceWeights weights = new(seed, type, outputs, inputs);
        float[] dy = Numbers.Random(seed + 1, rows * outputs), before = Numbers.Random(seed + 2, rows * inputs);
        using Emulated device = new();
        ArrayView<Quad> dx = device.Rows(before, inputs), rowsOfOutputs = device.Rows(dy, outputs);
        InputRows output = new() { X = rowsOfOutputs, Octets = (int)(rowsOfOutputs.Length / rows / 2), Rows = rows };
        DeviceProductGradient.Run(
            device.Session, type, weights.On(device), output, dx, (int)(dx.Length / rows), accumulate);
        double[] expected = new double[before.Length], bounds = new double[before.Length];
        for (int i = 0; i < expected.Length; i++)
        {
            double magnitudes = Math.Abs(before[i]);
            expected[i] = accumulate ? before[i] : 0;
            for (int k = 0; k < outputs; k++)
            {
                double product = (double)dy[i / inputs * outputs + k] * weights.Values[k * inputs + i % inputs];
                expected[i] += product;
                magnitudes += Math.Abs(product);
            }

            // A K-quant is scale·quant - minimum, with a scale that is a product: three roundings.
            bounds[i] = (outputs + 2) * Numbers.FloatError * magnitudes + (type.ElementsPerBlock() == 256 ? 1e-6 * outputs : 0);
        }

        Numbers.AssertWithin(bounds, Emulated.Read(dx, inputs), expected);
    }
}
