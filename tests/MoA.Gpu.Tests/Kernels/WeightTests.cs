using FsCheck;
using FsCheck.Fluent;
using ILGPU;
using MoA.Engine.Numerics;
using MoA.Gpu.Kernels;
using MoA.Gpu.Weights;
using MoA.Tests;

namespace MoA.Gpu.Tests.Kernels;

/// <summary>Rows of the embedding and products with weights in every format, against the engine's definition of the format.</summary>
public sealed class WeightTests
{
    private static readonly ElementType[] Types = [.. Enum.GetValues<ElementType>().Where(PlacedWeight.Takes)];

    public static TheoryData<ElementType> Formats => [.. Types];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Embedding_rows_are_widened_exactly(ElementType type)
    {
        int columns = type.IsQuantized() ? 2 * type.ElementsPerBlock() : 37;
        DeviceWeights weights = new(7, type, 9, columns);
        int[] tokens = [8, 0, 3, 3];
        using Emulated device = new();
        ArrayView<Quad> y = device.Rows(new float[tokens.Length * columns], columns);
        Embed(device, type, weights.On(device), device.Copy(tokens), y);
        float[] expected = [.. tokens.SelectMany(token => weights.Values[(token * columns)..((token + 1) * columns)])];
        float[] actual = Emulated.Read(y, columns);
        // A K-quant is scale·quant - minimum, with a scale that is a product: three roundings.
        double[] bounds = [.. expected.Select(_ => type is ElementType.Q4_K or ElementType.Q5_K or ElementType.Q6_K ? 1e-6 : 0)];
        Numbers.AssertWithin(bounds, actual, [.. expected.Select(value => (double)value)]);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Formats_take_no_more_bytes_than_in_the_file(ElementType type)
    {
        DeviceWeights weights = new(1, type, 5, 512);
        Assert.Equal(weights.StoredBytes, weights.DeviceBytes);
    }

    [Fact]
    public void Products_follow_their_definition()
    {
        Gen<(ElementType Type, int Inputs, int Outputs, int Rows, bool Accumulate, int Seed)> cases =
            from type in Gen.Elements(Types)
            from blocks in Gen.Choose(1, type.IsQuantized() ? 768 / type.ElementsPerBlock() : 150)
            from outputs in Gen.Choose(1, 9)
            from rows in Gen.Choose(1, 11)
            from accumulate in Gen.Elements(false, true)
            from seed in Gen.Choose(0, int.MaxValue)
            select (type, blocks * type.ElementsPerBlock(), outputs, rows, accumulate, seed);
        Prop.ForAll(cases.ToArbitrary(), c => Check(c.Type, c.Inputs, c.Outputs, c.Rows, c.Accumulate, c.Seed)).Holds(40);
    }

    [Theory]
    [InlineData(ElementType.F32, 3, 1, 1)]
    [InlineData(ElementType.F16, 265, 3, 2)]
    [InlineData(ElementType.BF16, 1029, 2, 4)]
    [InlineData(ElementType.Q8_0, 1056, 2, 8)]
    [InlineData(ElementType.Q4_0, 1056, 3, 5)]
    [InlineData(ElementType.Q4_K, 1280, 2, 3)]
    [InlineData(ElementType.Q5_K, 1280, 2, 9)]
    [InlineData(ElementType.Q6_K, 1280, 2, 1)]
    public void Products_of_every_format_and_number_of_rows(ElementType type, int inputs, int outputs, int rows) =>
        Check(type, inputs, outputs, rows, accumulate: true, seed: 5);

    private static void Check(ElementType type, int inputs, int outputs, int rows, bool accumulate, int seed)
    {
        DeviceWeights weights = new(seed, type, outputs, inputs);
        float[] x = Numbers.Random(seed + 1, rows * inputs), before = Numbers.Random(seed + 2, rows * outputs);
        using Emulated device = new();
        ArrayView<float> y = device.Copy(before);
        DeviceWeight weight = weights.On(device);
        ArrayView<Quad> rowsOfInputs = device.Rows(x, inputs);
        InputRows input = new() { X = rowsOfInputs, Octets = (int)(rowsOfInputs.Length / rows / 2), Rows = rows };
        ProductOutputs output = new() { Y = y, Stride = outputs, Rows = rows, Accumulate = accumulate ? 1 : 0 };
        DeviceProduct.Run(device.Session, type, weight, input, output);
        double[] expected = new double[y.Length], bounds = new double[y.Length];
        for (int i = 0; i < expected.Length; i++)
        {
            double magnitudes = Math.Abs(before[i]);
            expected[i] = accumulate ? before[i] : 0;
            for (int k = 0; k < inputs; k++)
            {
                double product = (double)x[i / outputs * inputs + k] * weights.Values[i % outputs * inputs + k];
                expected[i] += product;
                magnitudes += Math.Abs(product);
            }

            // K-quants: each weight by 1e-6, see above.
            bounds[i] = (inputs + 16) * Numbers.FloatError * magnitudes + (type.ElementsPerBlock() == 256 ? 1e-6 * inputs : 0);
        }

        Numbers.AssertWithin(bounds, Emulated.Read(y), expected);
    }

    private static void Embed(Emulated device, ElementType type, DeviceWeight weight, ArrayView<int> tokens, ArrayView<Quad> y) =>
        DeviceProduct.Embed(device.Session, type, weight, tokens, y);
}
