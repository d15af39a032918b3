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
                WidenSmallBlocks<BlockQ8>(source, destination, count);
                break;
            case ElementType.Q4_0:
                WidenSmallBlocks<BlockQ4>(source, destination, count);
                break;
            case ElementType.Q4_K:
                WidenSuperBlocks<BlockQ4K>(source, destination, count);
                break;
            case ElementType.Q5_K:
                WidenSuperBlocks<BlockQ5K>(source, destination, count);
                break;
            default:
                WidenSuperBlocks<BlockQ6K>(source, destination, count);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WidenSmallBlocks<TFormat>(byte* source, float* destination, int count)
        where TFormat : ISmallBlockFormat
    {
        for (float* end = destination + count; destination < end; source += TFormat.BlockBytes)
        {
            TFormat.LoadQuants(source, out Vector256<short> lower, out Vector256<short> upper);
            float scale = BlockScale.Read(source), offset = scale * TFormat.Shift;
            destination = WidenQuants(lower, scale, offset, destination);
            destination = WidenQuants(upper, scale, offset, destination);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WidenSuperBlocks<TFormat>(byte* source, float* destination, int count)
        where TFormat : ISuperBlockFormat
    {
        float* scales = stackalloc float[16], offsets = stackalloc float[16];
        new Span<float>(offsets, 16).Clear();
        for (float* end = destination + count; destination < end; source += TFormat.BlockBytes)
        {
            TFormat.ReadFactors(source, scales, offsets);
            for (int half = 0; half < 2; half++)
            {
                destination = WidenMember<TFormat>(source, half, 0, scales, offsets, destination);
                destination = WidenMember<TFormat>(source, half, 1, scales, offsets, destination);
                destination = WidenMember<TFormat>(source, half, 2, scales, offsets, destination);
                destination = WidenMember<TFormat>(source, half, 3, scales, offsets, destination);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* WidenMember<TFormat>(
        byte* block, int half, int member, float* scales, float* offsets, float* destination)
        where TFormat : ISuperBlockFormat
    {
        TFormat.LoadQuants(block, half, member, out Vector256<short> lower, out Vector256<short> upper);
        int group = (4 * half + member) * (32 / TFormat.GroupSize), next = group + 32 / TFormat.GroupSize - 1;
        float scale = scales[group], offset = offsets[group];
        destination = WidenQuants(lower, scale, offset + scale * TFormat.Shift, destination);
        scale = scales[next];
        return WidenQuants(upper, scale, offset + scale * TFormat.Shift, destination);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* WidenQuants(Vector256<short> quants, float scale, float offset, float* destination)
    {
        Vector256<float> scales = Vector256.Create(scale), offsets = Vector256.Create(offset);
        (Vector256.ConvertToSingle(Vector256.WidenLower(quants)) * scales - offsets).Store(destination);
        (Vector256.ConvertToSingle(Vector256.WidenUpper(quants)) * scales - offsets).Store(destination + 8);
        return destination + 16;
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
