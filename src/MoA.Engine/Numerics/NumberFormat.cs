using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <summary>Converts rows of numbers between stored formats and floats.</summary>
internal static unsafe class NumberFormat<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>Widens <paramref name="count"/> stored numbers to floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(ElementType type, void* source, float* destination, int count)
    {
        int i = 0;
        if (type == ElementType.F32)
        {
            Buffer.MemoryCopy(source, destination, count * 4L, count * 4L);
            return;
        }

        if (type.IsQuantized())
        {
            WidenBlocks(type, (byte*)source, destination, count);
            return;
        }

        ushort* stored = (ushort*)source;
        if (type == ElementType.BF16)
        {
            for (; i <= count - TSimd.Width; i += TSimd.Width)
                TSimd.Store(destination + i, TSimd.LoadBF16(stored + i));
            for (; i < count; i++)
                destination[i] = SimdScalar.LoadBF16(stored + i);
        }
        else
        {
            for (; i <= count - TSimd.Width; i += TSimd.Width)
                TSimd.Store(destination + i, TSimd.LoadF16(stored + i));
            for (; i < count; i++)
                destination[i] = SimdScalar.LoadF16(stored + i);
        }
    }

    private static void WidenBlocks(ElementType type, byte* source, float* destination, int count)
    {
        if (TSimd.Width == 1)
        {
            Quantization.Dequantize(type, source, destination, count);
            return;
        }

        switch (type)
        {
            case ElementType.Q8_0:
                WidenBlocks<BlockQ8>(source, destination, count);
                break;
            case ElementType.Q4_0:
                WidenBlocks<BlockQ4>(source, destination, count);
                break;
            case ElementType.Q4_K:
                WidenBlocks<BlockQ4K>(source, destination, count);
                break;
            case ElementType.Q5_K:
                WidenBlocks<BlockQ5K>(source, destination, count);
                break;
            default:
                WidenBlocks<BlockQ6K>(source, destination, count);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WidenBlocks<TFormat>(byte* source, float* destination, int count)
        where TFormat : IBlockFormat
    {
        const int Half = IBlockFormat.GroupSize / 2;
        float* scales = stackalloc float[8], offsets = stackalloc float[8];
        for (float* end = destination + count; destination < end; source += TFormat.BlockBytes)
        {
            TFormat.ReadFactors(source, scales, offsets);
            for (int group = 0; group < TFormat.Groups; group++, destination += IBlockFormat.GroupSize)
            {
                TFormat.LoadQuants(source, group, out Vector256<short> lower, out Vector256<short> upper);
                Vector256<float> scale = Vector256.Create(scales[group]);
                Vector256<float> offset = Vector256.Create(TFormat.HasOffsets ? offsets[group] : 0f);
                WidenQuants(lower, scale, offset, destination);
                WidenQuants(upper, scale, offset, destination + Half);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WidenQuants(Vector256<short> quants, Vector256<float> scale, Vector256<float> offset, float* destination)
    {
        (Vector256.ConvertToSingle(Vector256.WidenLower(quants)) * scale - offset).Store(destination);
        (Vector256.ConvertToSingle(Vector256.WidenUpper(quants)) * scale - offset).Store(destination + 8);
    }

    /// <summary>Writes floats as F32 or BF16 (rounded to nearest even).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Narrow(float* source, ElementType type, void* destination, int count)
    {
        if (type == ElementType.F32)
        {
            Buffer.MemoryCopy(source, destination, count * 4L, count * 4L);
            return;
        }

        ushort* stored = (ushort*)destination;
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
            TSimd.StoreBF16(stored + i, TSimd.Load(source + i));
        for (; i < count; i++)
            SimdScalar.StoreBF16(stored + i, source[i]);
    }

    /// <summary>Rounds floats in place to the nearest bfloat16 values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Round(float* values, int count)
    {
        ushort* rounded = stackalloc ushort[TSimd.Width];
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
        {
            TSimd.StoreBF16(rounded, TSimd.Load(values + i));
            TSimd.Store(values + i, TSimd.LoadBF16(rounded));
        }

        for (; i < count; i++)
        {
            SimdScalar.StoreBF16(rounded, values[i]);
            values[i] = SimdScalar.LoadBF16(rounded);
        }
    }
}
