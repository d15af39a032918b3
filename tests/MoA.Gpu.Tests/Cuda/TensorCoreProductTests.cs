using FsCheck;
using FsCheck.Fluent;
using ILGPU;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;
using MoA.Gpu.Blas;
using MoA.Gpu.Cuda;
using MoA.Gpu.Kernels;
using MoA.Tests;

namespace MoA.Gpu.Tests.Cuda;

/// <summary>Products on tensor cores against their definition in double.</summary>
public sealed class TensorCoreProductTests
{
    [EmulatedFact]
    public void Products_follow_their_definition() => Prop.ForAll(Cases(), c => Check(c.Shape, c.Add, c.Seed, back: false)).Holds(15);

    [EmulatedFact]
    public void Gradients_of_inputs_follow_their_definition() =>
        Prop.ForAll(Cases(), c => Check(c.Shape, c.Add, c.Seed, back: true)).Holds(15);

    /// <summary>Every tile, with edges that it does not fill; more sums than stages hold; more rows of tiles than a band has.</summary>
    [EmulatedTheory]
    [InlineData(1, 1, 1, "16x32")]
    [InlineData(16, 70, 2100, "16x32")]
    [InlineData(17, 33, 520, "32x32")]
    [InlineData(32, 64, 1024, "32x32")]
    [InlineData(33, 63, 900, "64x32")]
    [InlineData(65, 60, 700, "64x64")]
    [InlineData(120, 127, 300, "128x128")]
    [InlineData(1100, 3, 8, "64x64")]
    [InlineData(128, 255, 330, "128x256")]
    public void Tiles(int rows, int outputs, int inputs, string tile) =>
        Assert.Equal($"product_{tile}", Check(new(rows, outputs, inputs), add: true, seed: 3, back: false));

    [EmulatedTheory]
    [InlineData(1, 1, 1, "64x64")]
    [InlineData(65, 1000, 100, "128x128")]
    [InlineData(128, 300, 250, "128x256")]
    public void Tiles_of_gradients(int rows, int outputs, int inputs, string tile) =>
        Assert.Equal($"product_back_{tile}", Check(new(rows, outputs, inputs), add: true, seed: 4, back: true));

    /// <summary>Of a part of the outputs the rest is left alone, and in gradients not read: it is no number here.</summary>
    [EmulatedTheory]
    [InlineData(70)]
    [InlineData(5)]
    public void Parts_of_outputs(int rows)
    {
        const int First = 16, All = 80;
        ProductShape shape = new(rows, 40, 24) { OutputStride = All };
        float[] w = HeadRows.Rounded(Numbers.Random(1, shape.Outputs * shape.Inputs), ElementType.BF16);
        float[] x = HeadRows.Rounded(Numbers.Random(2, rows * shape.Inputs), ElementType.BF16);
        float[] y = [.. Enumerable.Repeat(float.NaN, rows * All)];
        using Emulated device = new(tensorCores: true);
        ArrayView<Quad> results = device.Rows(y, All), weight = Operand(device, w, shape.Inputs);
        TensorCoreProduct product = new(device.Session);
        product.Multiply(shape, Operand(device, x, shape.Inputs), weight, results.SubView(First / 4, results.Length - First / 4), add: false);
        y = Emulated.Read(results, All);
        for (int i = 0; i < y.Length; i++)
        {
            int row = i / All, output = i % All - First;
            if (output is < 0 or >= 40)
                Assert.Equal(float.NaN, y[i]);
            else
                Assert.Equal(Enumerable.Range(0, 24).Sum(k => (double)x[row * 24 + k] * w[output * 24 + k]), y[i], 1e-5);
        }

        ArrayView<Quad> gradients = Operand(device, y, All), back = device.Rows(new float[rows * shape.Inputs], shape.Inputs);
        product.MultiplyBack(shape, gradients.SubView(First / 8, gradients.Length - First / 8), weight, back, add: false);
        float[] rounded = HeadRows.Rounded(y, ElementType.BF16), dx = Emulated.Read(back, shape.Inputs);
        for (int i = 0; i < dx.Length; i++)
            Assert.Equal(Enumerable.Range(0, 40).Sum(k => (double)rounded[i / 24 * All + First + k] * w[k * 24 + i % 24]), dx[i], 1e-4);
    }

    private static Arbitrary<(ProductShape Shape, bool Add, int Seed)> Cases() => (
        from rows in Gen.Choose(1, 200)
        from outputs in Gen.Choose(1, 300)
        from inputs in Gen.Choose(1, 700)
        from add in Gen.Elements(false, true)
        from seed in Gen.Choose(0, int.MaxValue)
        select (new ProductShape(rows, outputs, inputs), add, seed)).ToArbitrary();

    // The kernel that ran.
    private static string Check(ProductShape shape, bool add, int seed, bool back)
    {
        int depth = back ? shape.Outputs : shape.Inputs, width = back ? shape.Inputs : shape.Outputs;
        float[] x = HeadRows.Rounded(Numbers.Random(seed, shape.Rows * depth), ElementType.BF16);
        float[] w = HeadRows.Rounded(Numbers.Random(seed ^ 1, shape.Outputs * shape.Inputs), ElementType.BF16);
        float[] before = Numbers.Random(seed ^ 2, shape.Rows * width);
        using Emulated device = new(tensorCores: true);
        ArrayView<Quad> results = device.Rows(before, width);
        TensorCoreProduct product = new(device.Session);
        if (back)
            product.MultiplyBack(shape, Operand(device, x, depth), Operand(device, w, shape.Inputs), results, add);
        else
            product.Multiply(shape, Operand(device, x, depth), Operand(device, w, depth), results, add);
        double[] expected = new double[before.Length], bounds = new double[before.Length];
        for (int i = 0; i < expected.Length; i++)
        {
            int row = i / width, column = i % width;
            double magnitudes = Math.Abs(before[i]);
            expected[i] = add ? before[i] : 0;
            for (int k = 0; k < depth; k++)
            {
                double term = (double)x[row * depth + k] * (back ? w[k * width + column] : w[column * depth + k]);
                expected[i] += term;
                magnitudes += Math.Abs(term);
            }

            bounds[i] = (depth + 16) * Numbers.FloatError * magnitudes;
        }

        Numbers.AssertWithin(bounds, Emulated.Read(results, width), expected);
        return ((EmulatedLauncher)device.Session.Cuda!).Launched[^1];
    }

    private static ArrayView<Quad> Operand(Emulated device, float[] rows, int columns)
    {
        ArrayView<Quad> floats = device.Rows(rows, columns), operand = device.Copy(new Quad[floats.Length / 2]);
        BF16Operand.Round(device.Session, floats, operand);
        return operand;
    }
}
