using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;
using MoA.Engine.Tests.Numerics;
using MoA.Tests;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MoA.Engine.Tests.Kernels;

/// <summary>Both matrix products against sums in double precision, for ragged shapes and every weight format.</summary>
public sealed class MatrixProductTests
{
    private static readonly ElementType[] Types = Enum.GetValues<ElementType>();

    public static IEnumerable<object?[]> Sets => Machine.InstructionSets;

    [Theory]
    [MemberData(nameof(Sets))]
    internal void Projections_of_any_shape_follow_the_definition(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        Prop.ForAll(Shapes(mostRows: 40).ToArbitrary(), shape => CheckProjection(backend, set, shape))
            .Holds(60);
    }

    /// <summary>What rounding costs does not shrink with the terms it is times: off by 2.1E-3, as it may be.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    internal void Small_sums_of_large_products_err_as_the_large_ones_do(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        CheckProjection(backend, set, new Shape(25, 32, 96, ElementType.Q8_0, true, true, 1812633475));
    }

    /// <summary>Rows around the borders of blocks of rows.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    internal void Every_number_of_rows_gives_the_same_product(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(3, set);
        for (int rows = 1; rows <= 27; rows++)
            CheckProjection(backend, set, new Shape(rows, 70, 33, ElementType.BF16, rows % 2 == 0, rows % 3 == 0, rows));
    }

    /// <summary>
    /// Bit for bit: a token's results do not depend on what is computed beside it, nor on whether the weight was laid out before.
    /// </summary>
    [Theory]
    [MemberData(nameof(Sets))]
    internal unsafe void Rows_of_a_product_do_not_depend_on_how_many_there_are(InstructionSet set)
    {
        const int most = 131;
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        foreach (ElementType type in Types)
        {
            int depth = type.IsQuantized() ? 3 * type.ElementsPerBlock() : 75;
            Random random = new(depth);
            using Weights weights = new(random, type, 70, depth);
            WeightTensor placed = backend.Place(weights.Tensor);
            using Tensor x = backend.Allocate(most, depth), all = backend.Allocate(most, 70), some = backend.Allocate(most, 70);
            for (int i = 0; i < most * depth; i++)
                x.Data[i] = (float)(2 * random.NextDouble() - 1);
            backend.Project(x, most, weights.Tensor, null, all);
            float[] expected = backend.Read(all, most);
            foreach (int rows in new[] { 1, 2, 3, 4, 5, 8, 16, 24, 25, 63, 64, 65, 130, 131 })
            {
                backend.Project(x, rows, placed, null, some);
                Assert.Equal(expected[..(rows * 70)], backend.Read(some, rows));
            }

            (placed as IDisposable)?.Dispose();
        }
    }

    /// <summary>Bit for bit what each product is alone, in one job or, where formats differ, in several.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    internal void Products_side_by_side_are_those_of_each_alone(InstructionSet set)
    {
        const int rows = 5, depth = 256;
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        Random random = new(7);
        using Tensor x = TensorRows.Create(backend, depth, TensorRows.Random(random, rows * depth));
        ElementType[][] mixes = [[ElementType.Q4_K, ElementType.Q4_K, ElementType.Q4_K], [ElementType.Q4_K, ElementType.Q6_K, ElementType.Q6_K], [ElementType.BF16, ElementType.Q8_0, ElementType.BF16]];
        foreach (ElementType[] types in mixes)
        {
            using Weights first = new(random, types[0], 96, depth), second = new(random, types[1], 35, depth), third = new(random, types[2], 35, depth);
            using Weights bias = new(random, ElementType.F32, 1, 35);
            using Tensor a = backend.Allocate(rows, 96), b = backend.Allocate(rows, 35), c = backend.Allocate(rows, 35), alone = backend.Allocate(rows, 35);
            backend.Project(x, rows, [new(first.Tensor, null, a), new(second.Tensor, bias.Tensor, b), new(third.Tensor, null, c)]);
            backend.Project(x, rows, second.Tensor, bias.Tensor, alone);
            Assert.Equal(backend.Read(alone, rows), backend.Read(b, rows));
            backend.Project(x, rows, third.Tensor, null, alone);
            Assert.Equal(backend.Read(alone, rows), backend.Read(c, rows));
            using Tensor wide = backend.Allocate(rows, 96);
            backend.Project(x, rows, first.Tensor, null, wide);
            Assert.Equal(backend.Read(wide, rows), backend.Read(a, rows));
        }
    }

    /// <summary>Deeper than one panel of the weight, so that later panels add to what earlier ones stored.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    internal void Deep_products_add_up_their_panels(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        foreach (int depth in new[] { 511, 512, 513, 1024, 1500 })
        {
            CheckProjection(backend, set, new Shape(14, depth, 65, ElementType.F32, false, true, depth));
            CheckProjection(backend, set, new Shape(14, depth, 65, ElementType.F16, true, false, depth));
            CheckBackward(set, new Shape(14, depth, 65, ElementType.BF16, true, false, depth));
        }
    }

    /// <summary>So many columns that panels of the weight, and items of few rows, grow, with a last one that is cut short.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    internal void Wide_products_follow_the_definition(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        foreach (ElementType type in new[] { ElementType.F32, ElementType.BF16, ElementType.Q8_0, ElementType.Q4_0 })
        {
            foreach (int rows in new[] { 1, 5, 26 })
                CheckProjection(backend, set, new Shape(rows, 64, 4227, type, rows == 5, rows == 1, rows));
        }

        CheckBackward(set, new Shape(26, 20, 4227, ElementType.F32, false, false, 1));
        CheckBackward(set, new Shape(26, 20, 4352, ElementType.Q4_K, false, false, 2));
    }

    [Theory]
    [MemberData(nameof(Sets))]
    internal void Backward_products_of_any_shape_follow_the_definition(InstructionSet set) =>
        Prop.ForAll(Shapes(mostRows: 40).ToArbitrary(), shape => CheckBackward(set, shape))
            .Holds(60);

    private static Gen<Shape> Shapes(int mostRows) =>
        from rows in Gen.Choose(1, mostRows)
        from depth in Gen.Choose(1, 150)
        from columns in Gen.Choose(1, 150)
        from type in Gen.Elements(Types)
        from accumulate in Gen.Elements(false, true)
        from biased in Gen.Elements(false, true)
        from seed in Gen.Choose(0, int.MaxValue)
        select new Shape(rows, Whole(type, depth), Whole(type, columns), type, accumulate, biased, seed);

    private static int Whole(ElementType type, int elements) =>
        (elements + type.ElementsPerBlock() - 1) / type.ElementsPerBlock() * type.ElementsPerBlock();

    private static void CheckProjection(ComputeBackend backend, InstructionSet set, Shape shape)
    {
        Random random = new(shape.Seed);
        using Weights weight = new(random, shape.Type, shape.Columns, shape.Depth);
        using Weights bias = new(random, shape.Type.IsQuantized() ? ElementType.F32 : shape.Type, 1, shape.Columns);
        float[] x = TensorRows.Random(random, shape.Rows * shape.Depth);
        float[] y = TensorRows.Random(random, shape.Rows * shape.Columns);
        using Tensor input = TensorRows.Create(backend, shape.Depth, x);
        using Tensor output = TensorRows.Create(backend, shape.Columns, y);
        backend.Project(input, shape.Rows, weight.Tensor, shape.Biased ? bias.Tensor : null, output, shape.Accumulate);
        bool rounded = set != InstructionSet.Scalar;
        if (rounded && BytesGroup(shape.Type) is int group)
            RoundToBytes(x, group);
        bool shorts = shape.Type is ElementType.Q8_0 or ElementType.IQ4_NL or ElementType.IQ4_XS or ElementType.MXFP4;
        Rounding ofInputs = rounded && shorts ? new Rounding(32, 32767) : Rounding.None;
        AssertProduct(shape, x, weight.Values, Terms(weight.Values, shape.Type), shape.Biased ? bias.Values : null, y, ofInputs,
            TensorRows.Read(backend, output));
    }

    // Formats of two to six bits are multiplied with activations rounded to signed bytes, a scale for each
    // group of the weight. Bytes are too coarse for a bound to say much, so the product is that of what they stand for.
    private static int? BytesGroup(ElementType type) => type switch
    {
        ElementType.F32 or ElementType.F16 or ElementType.BF16 or ElementType.Q8_0 or ElementType.IQ4_NL or ElementType.IQ4_XS or ElementType.MXFP4 => null,
        ElementType.Q6_K or ElementType.Q3_K or ElementType.Q2_K => 16,
        _ => 32,
    };

    private static void RoundToBytes(float[] x, int group)
    {
        for (int i = 0; i < x.Length; i += group)
        {
            Span<float> values = x.AsSpan(i, group);
            float scale = MathF.Abs(TensorPrimitives.MaxMagnitude<float>(values)) / 127;
            float inverse = 1 / scale;
            for (int j = 0; j < group; j++)
                values[j] = MathF.Round(values[j] * inverse) * scale;
        }
    }

    private static void CheckBackward(InstructionSet set, Shape shape)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(1, set);
        using WorkerScratch scratch = new(backend.Allocator, 1);
        Random random = new(shape.Seed);
        using Weights weight = new(random, shape.Type, shape.Depth, shape.Columns);
        float[] x = TensorRows.Random(random, shape.Rows * shape.Depth);
        float[] y = TensorRows.Random(random, shape.Rows * shape.Columns);
        using Tensor input = TensorRows.Create(backend, shape.Depth, x);
        using Tensor output = TensorRows.Create(backend, shape.Columns, y);
        SimdDispatch.Run(set, new Backward(scratch, shape, input, weight.Tensor, output));
        AssertProduct(shape, x, Transposed(weight.Values), Transposed(Terms(weight.Values, shape.Type)), null, y,
            Rounding.None, TensorRows.Read(backend, output));

        float[] Transposed(float[] values)
        {
            float[] transposed = new float[values.Length];
            for (int k = 0; k < shape.Depth; k++)
            {
                for (int n = 0; n < shape.Columns; n++)
                    transposed[n * shape.Depth + k] = values[k * shape.Columns + n];
            }

            return transposed;
        }
    }

    // What floats add up for a weight. One of a quantised format may be scale·quant - offset, both of which are at most twice
    // the largest of its block.
    private static float[] Terms(float[] weights, ElementType type)
    {
        int block = type.ElementsPerBlock();
        float[] terms = new float[weights.Length];
        for (int i = 0; i < weights.Length; i += block)
        {
            float largest = MathF.Abs(TensorPrimitives.MaxMagnitude<float>(weights.AsSpan(i, block)));
            terms.AsSpan(i, block).Fill(type.IsQuantized() ? 4 * largest : largest);
        }

        return terms;
    }

    /// <summary>
    /// No case can be further off: a float sum of n terms errs by n·2^-24 of their magnitudes, and rounded factors by half a
    /// step each, which is times the other factor.
    /// </summary>
    /// <param name="shape">Size and seed.</param>
    /// <param name="x">Inputs, [rows, depth].</param>
    /// <param name="w">Weights, [columns, depth].</param>
    /// <param name="terms">What stands for each weight in sums, [columns, depth].</param>
    /// <param name="bias">One number a column, or null.</param>
    /// <param name="before">What the product is added to, if it is.</param>
    /// <param name="ofInputs">What inputs are rounded to.</param>
    /// <param name="actual">The kernel's product.</param>
    private static void AssertProduct(
        Shape shape, float[] x, float[] w, float[] terms, float[]? bias, float[] before, Rounding ofInputs, float[] actual)
    {
        double[] dx = ofInputs.ErrorsOf(x, shape.Depth);
        for (int at = 0; at < actual.Length; at++)
        {
            (int m, int n) = Math.DivRem(at, shape.Columns);
            (double first, double second) = (bias?[n] ?? 0, shape.Accumulate ? before[at] : 0);
            double expected = first + second, magnitude = Math.Abs(first) + Math.Abs(second), rounding = 0;
            for (int k = 0; k < shape.Depth; k++)
            {
                int i = m * shape.Depth + k, j = n * shape.Depth + k;
                expected += (double)x[i] * w[j];
                magnitude += Math.Abs(x[i] * (double)terms[j]);
                rounding += Math.Abs(w[j]) * dx[i];
            }

            double error = Math.Abs(actual[at] - expected), largest = rounding + (shape.Depth + 8) * Rounding.OfFloats * magnitude;
            Assert.True(error <= largest, $"{shape}: [{m}, {n}] is off by {error:E2}, {largest:E2} at most");
        }
    }

    private sealed record Shape(
        int Rows, int Depth, int Columns, ElementType Type, bool Accumulate, bool Biased, int Seed);

    private sealed unsafe class Backward(WorkerScratch scratch, Shape shape, Tensor x, WeightTensor weight, Tensor y)
        : ISimdAction
    {
        public void Run<TSimd, TVector>()
            where TSimd : ISimd<TVector>
            where TVector : struct
        {
            using WorkerPool pool = new(1);
            Gemm<TSimd, TVector>.Multiply(
                pool, scratch, x.Data, shape.Rows, weight, y.Data, shape.Accumulate);
        }
    }
}
