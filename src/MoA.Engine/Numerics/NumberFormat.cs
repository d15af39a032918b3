using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <summary>Converts rows of numbers between stored formats and floats.</summary>
internal static unsafe class NumberFormat<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>Widens <paramref name="count"/> stored numbers to floats.</summary>
    public static void Widen(ElementType type, void* source, float* destination, int count)
    {
        switch (type)
        {
            case ElementType.F32:
                Buffer.MemoryCopy(source, destination, count * 4L, count * 4L);
                break;
            case ElementType.F16:
                Widen<StoredF16>((byte*)source, destination, count);
                break;
            case ElementType.BF16:
                Widen<StoredBF16>((byte*)source, destination, count);
                break;
            default:
                WidenBlocks(type, (byte*)source, destination, count);
                break;
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private static void Widen<TStored>(byte* source, float* destination, int count)
        where TStored : IStored
    {
        nint i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
            TSimd.Store(destination + i, TStored.Load<TSimd, TVector>(source + i * TStored.Size));
        for (; i < count; i++)
            destination[i] = TStored.Load<SimdScalar, float>(source + i * TStored.Size);
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
                WidenQ8(source, destination, count);
                break;
            case ElementType.Q4_0:
                WidenQ4(source, destination, count);
                break;
            case ElementType.Q4_K:
                WidenSuperBlocks<BlockQ4K>(source, destination, count);
                break;
            case ElementType.Q5_K:
                WidenSuperBlocks<BlockQ5K>(source, destination, count);
                break;
            case ElementType.Q6_K:
                WidenSuperBlocks<BlockQ6K>(source, destination, count);
                break;
            default:
                Quantization.Dequantize(type, source, destination, count);
                break;
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private static void WidenQ8(byte* source, float* destination, int count)
    {
        for (float* end = destination + count; destination < end; source += BlockQ8.Bytes, destination += 32)
        {
            BlockQ8.LoadQuants(source, out Vector256<short> lower, out Vector256<short> upper);
            float scale = BlockScale.Read(source);
            WidenQuants(lower, scale, 0, destination);
            WidenQuants(upper, scale, 0, destination + 16);
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private static void WidenQ4(byte* source, float* destination, int count)
    {
        for (float* end = destination + count; destination < end; source += BlockQ4.Bytes, destination += 32)
        {
            BlockQ4.LoadQuants(source, out Vector256<short> lower, out Vector256<short> upper);
            float scale = BlockScale.Read(source);
            WidenQuants(lower, scale, BlockQ4.Shift * scale, destination);
            WidenQuants(upper, scale, BlockQ4.Shift * scale, destination + 16);
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private static void WidenSuperBlocks<TFormat>(byte* source, float* destination, int count)
        where TFormat : ISuperBlockFormat
    {
        float* scales = stackalloc float[16], offsets = stackalloc float[16];
        for (float* end = destination + count; destination < end; source += TFormat.BlockBytes, destination += 256)
        {
            TFormat.ReadFactors(source, out Vector256<float> first, out Vector256<float> second);
            first.Store(scales);
            second.Store(TFormat.GroupSize == 32 ? offsets : scales + 8);
            WidenChunk<TFormat>(source, 0, scales, offsets, destination);
            WidenChunk<TFormat>(source, 1, scales, offsets, destination);
            WidenChunk<TFormat>(source, 2, scales, offsets, destination);
            WidenChunk<TFormat>(source, 3, scales, offsets, destination);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WidenChunk<TFormat>(byte* block, int chunk, float* scales, float* offsets, float* destination)
        where TFormat : ISuperBlockFormat
    {
        TFormat.Unpack(block, chunk, out Vector256<byte> quants, out Vector256<byte> otherQuants);
        (int run, int other) = TFormat.Runs(chunk);
        WidenRun<TFormat>(quants, run, scales, offsets, destination);
        WidenRun<TFormat>(otherQuants, other, scales, offsets, destination);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WidenRun<TFormat>(Vector256<byte> quants, int run, float* scales, float* offsets, float* destination)
        where TFormat : ISuperBlockFormat
    {
        int lower = run / TFormat.GroupSize, upper = (run + 16) / TFormat.GroupSize;
        float lowerOffset = TFormat.GroupSize == 32 ? offsets[lower] : scales[lower] * TFormat.Shift;
        float upperOffset = TFormat.GroupSize == 32 ? offsets[upper] : scales[upper] * TFormat.Shift;
        WidenQuants(Vector256.WidenLower(quants).AsInt16(), scales[lower], lowerOffset, destination + run);
        WidenQuants(Vector256.WidenUpper(quants).AsInt16(), scales[upper], upperOffset, destination + run + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WidenQuants(Vector256<short> quants, float scale, float offset, float* destination)
    {
        Vector256<float> scales = Vector256.Create(scale), offsets = Vector256.Create(offset);
        (Vector256.ConvertToSingle(Vector256.WidenLower(quants)) * scales - offsets).Store(destination);
        (Vector256.ConvertToSingle(Vector256.WidenUpper(quants)) * scales - offsets).Store(destination + 8);
    }

    /// <summary>Writes floats as F32 or BF16 (rounded to nearest even).</summary>
    [MethodImpl(JitOptions.Loop)]
    public static void Narrow(float* source, ElementType type, void* destination, int count)
    {
        if (type == ElementType.F32)
        {
            Buffer.MemoryCopy(source, destination, count * 4L, count * 4L);
            return;
        }

        if (type != ElementType.BF16)
            throw ElementFormat.Unknown(type);
        ushort* stored = (ushort*)destination;
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
            TSimd.StoreBF16(stored + i, TSimd.Load(source + i));
        for (; i < count; i++)
            SimdScalar.StoreBF16(stored + i, source[i]);
    }

    /// <summary>Rounds floats in place to the nearest bfloat16 values.</summary>
    [MethodImpl(JitOptions.Loop)]
    public static void Round(float* values, int count)
    {
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
            TSimd.Store(values + i, TSimd.RoundToBF16(TSimd.Load(values + i)));
        for (; i < count; i++)
            values[i] = SimdScalar.RoundToBF16(values[i]);
    }
}
