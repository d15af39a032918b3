using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Strips;

/// <summary>The one place that chooses by a weight's format.</summary>
internal static unsafe class StripFormats<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>Computes the products of rows of A, dense row-major, with weights of one format; biases are not added.</summary>
    public static void Multiply(
        WorkerPool pool, WorkerScratch scratch, float* a, int rows, RowGroups order, StripTargets targets, bool accumulate)
    {
        switch (targets[0].Weight.Type)
        {
            case ElementType.F32:
                StripProduct<TSimd, TVector, StripFloats<ColumnsF32>>.Multiply(pool, scratch, a, rows, order, targets, accumulate);
                break;
            case ElementType.F16:
                StripProduct<TSimd, TVector, StripFloats<ColumnsF16>>.Multiply(pool, scratch, a, rows, order, targets, accumulate);
                break;
            case ElementType.BF16:
                StripProduct<TSimd, TVector, StripFloats<ColumnsBF16>>.Multiply(pool, scratch, a, rows, order, targets, accumulate);
                break;
            case ElementType.Q8_0:
                StripProduct<TSimd, TVector, StripQ8>.Multiply(pool, scratch, a, rows, order, targets, accumulate);
                break;
            case ElementType.Q4_0:
                StripProduct<TSimd, TVector, StripQ4>.Multiply(pool, scratch, a, rows, order, targets, accumulate);
                break;
            case ElementType.Q4_K:
                StripProduct<TSimd, TVector, StripQ4K>.Multiply(pool, scratch, a, rows, order, targets, accumulate);
                break;
            case ElementType.Q5_K:
                StripProduct<TSimd, TVector, StripQ5K>.Multiply(pool, scratch, a, rows, order, targets, accumulate);
                break;
            case ElementType.Q6_K:
                StripProduct<TSimd, TVector, StripQ6K>.Multiply(pool, scratch, a, rows, order, targets, accumulate);
                break;
            case ElementType.Q4_1:
                StripProduct<TSimd, TVector, StripQ41>.Multiply(pool, scratch, a, rows, order, targets, accumulate);
                break;
            case ElementType.Q5_0:
                StripProduct<TSimd, TVector, StripQ50>.Multiply(pool, scratch, a, rows, order, targets, accumulate);
                break;
            case ElementType.Q5_1:
                StripProduct<TSimd, TVector, StripQ51>.Multiply(pool, scratch, a, rows, order, targets, accumulate);
                break;
            case ElementType.Q2_K:
                StripProduct<TSimd, TVector, StripQ2K>.Multiply(pool, scratch, a, rows, order, targets, accumulate);
                break;
            case ElementType.Q3_K:
                StripProduct<TSimd, TVector, StripQ3K>.Multiply(pool, scratch, a, rows, order, targets, accumulate);
                break;
            case ElementType.IQ4_NL:
                StripProduct<TSimd, TVector, StripIQ4>.Multiply(pool, scratch, a, rows, order, targets, accumulate);
                break;
            case ElementType.IQ4_XS:
                StripProduct<TSimd, TVector, StripIQ4XS>.Multiply(pool, scratch, a, rows, order, targets, accumulate);
                break;
            case ElementType.MXFP4:
                StripProduct<TSimd, TVector, StripMXFP4>.Multiply(pool, scratch, a, rows, order, targets, accumulate);
                break;
            default:
                throw ElementFormat.Unknown(targets[0].Weight.Type);
        }
    }

    /// <summary>Lays a weight out in strips, in memory of its own.</summary>
    public static StripWeight Create(WeightTensor weight, WorkerPool pool, NativeAllocator allocator) => weight.Type switch
    {
        ElementType.F32 => StripWeight.Create<TSimd, TVector, StripFloats<ColumnsF32>>(weight, pool, allocator),
        ElementType.F16 => StripWeight.Create<TSimd, TVector, StripFloats<ColumnsF16>>(weight, pool, allocator),
        ElementType.BF16 => StripWeight.Create<TSimd, TVector, StripFloats<ColumnsBF16>>(weight, pool, allocator),
        ElementType.Q8_0 => StripWeight.Create<TSimd, TVector, StripQ8>(weight, pool, allocator),
        ElementType.Q4_0 => StripWeight.Create<TSimd, TVector, StripQ4>(weight, pool, allocator),
        ElementType.Q4_K => StripWeight.Create<TSimd, TVector, StripQ4K>(weight, pool, allocator),
        ElementType.Q5_K => StripWeight.Create<TSimd, TVector, StripQ5K>(weight, pool, allocator),
        ElementType.Q6_K => StripWeight.Create<TSimd, TVector, StripQ6K>(weight, pool, allocator),
        ElementType.Q4_1 => StripWeight.Create<TSimd, TVector, StripQ41>(weight, pool, allocator),
        ElementType.Q5_0 => StripWeight.Create<TSimd, TVector, StripQ50>(weight, pool, allocator),
        ElementType.Q5_1 => StripWeight.Create<TSimd, TVector, StripQ51>(weight, pool, allocator),
        ElementType.Q2_K => StripWeight.Create<TSimd, TVector, StripQ2K>(weight, pool, allocator),
        ElementType.Q3_K => StripWeight.Create<TSimd, TVector, StripQ3K>(weight, pool, allocator),
        ElementType.IQ4_NL => StripWeight.Create<TSimd, TVector, StripIQ4>(weight, pool, allocator),
        ElementType.IQ4_XS => StripWeight.Create<TSimd, TVector, StripIQ4XS>(weight, pool, allocator),
        ElementType.MXFP4 => StripWeight.Create<TSimd, TVector, StripMXFP4>(weight, pool, allocator),
        _ => throw ElementFormat.Unknown(weight.Type),
    };
}
