using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;
using MoA.Engine.Tests.Numerics;
using MoA.Tests;

namespace MoA.Engine.Tests.Kernels;

/// <summary>Both matrix products against sums in double precision, for ragged shapes and every weight format.</summary>
public sealed class MatrixProductTests
{
    private static readonly ElementType[] Types = Enum.GetValues<ElementType>();

    public static TheoryData<InstructionSet> Sets => Machine.InstructionSets;

    [Theory]
    [MemberData(nameof(Sets))]
    public void Projections_of_any_shape_follow_the_definition(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        Prop.ForAll(Shapes(mostRows: 40).ToArbitrary(), shape => CheckProjection(backend, set, shape))
            .Holds(60);
    }

    /// <summary>Rows around the borders between the product for few rows and the one for many, and of its row tiles.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    public void Every_number_of_rows_gives_the_same_product(InstructionSet set)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(3, set);
        for (int rows = 1; rows <= 27; rows++)
            CheckProjection(backend, set, new Shape(rows, 70, 33, ElementType.BF16, rows % 2 == 0, rows % 3 == 0, rows));
    }

    /// <summary>Deeper than one panel of the weight, so that later panels add to what earlier ones stored.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    public void Deep_products_add_up_their_panels(InstructionSet set)
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
    public void Wide_products_follow_the_definition(InstructionSet set)
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
    public void Backward_products_of_any_shape_follow_the_definition(InstructionSet set) =>
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
        if (shape.Rows <= Gemv<SimdScalar, float>.MaximumRows && RoundedGroup(shape.Type) is int group && set != InstructionSet.Scalar)
            RoundToBytes(x, group);
        AssertProduct(shape, x, (k, n) => weight.Values[n * shape.Depth + k], n => shape.Biased ? bias.Values[n] : 0, y,
            TensorRows.Read(backend, output));
    }

    // With few rows, formats of four to six bits are multiplied with activations rounded to signed bytes, a scale for each
    // group of the weight.
    private static int? RoundedGroup(ElementType type) => type switch
    {
        ElementType.Q4_0 or ElementType.Q4_K or ElementType.Q5_K => 32,
        ElementType.Q6_K => 16,
        _ => null,
    };

    private static void RoundToBytes(float[] x, int group)
    {
        for (int i = 0; i < x.Length; i += group)
        {
            Span<float> values = x.AsSpan(i, group);
            float scale = MathF.Abs(System.Numerics.Tensors.TensorPrimitives.MaxMagnitude<float>(values)) / 127;
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
        AssertProduct(shape, x, (k, n) => weight.Values[k * shape.Columns + n], _ => 0, y, TensorRows.Read(backend, output));
    }

    private static void AssertProduct(
        Shape shape, float[] x, Func<int, int, float> weight, Func<int, float> bias, float[] before, float[] actual)
    {
        for (int m = 0; m < shape.Rows; m++)
        {
            for (int n = 0; n < shape.Columns; n++)
            {
                double expected = bias(n) + (shape.Accumulate ? before[m * shape.Columns + n] : 0);
                double magnitude = 1;
                for (int k = 0; k < shape.Depth; k++)
                {
                    double term = (double)x[m * shape.Depth + k] * weight(k, n);
                    expected += term;
                    magnitude += Math.Abs(term);
                }

                double error = Math.Abs(actual[m * shape.Columns + n] - expected);
                // Quantised weights: few rows are rounded to 15 bits and a sign (or as above), many to 12, and the weights to 11.
                double tolerance = !shape.Type.IsQuantized() ? 1e-6 : shape.Rows <= Gemv<SimdScalar, float>.MaximumRows ? 3e-5 : 3e-4;
                Assert.True(error <= tolerance * magnitude, $"{shape}: [{m}, {n}] is off by {error:E2}");
            }
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
                pool, scratch, x.Data, shape.Rows, weight, MatrixOperand.AsStored, y.Data, shape.Accumulate);
        }
    }
}
