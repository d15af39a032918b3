using System.Runtime.CompilerServices;

namespace MoA.Engine.Numerics;

/// <summary>Binary32 as stored.</summary>
internal readonly unsafe struct StoredF32 : IStored, IBlockFormat
{
    public static int BlockBytes => Size;

    public static int BlockSize => 1;

    public static int Size
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    public static bool Interleaved
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Quantize(float* source, byte* block) => *(float*)block = *source;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Dequantize(byte* block, float* destination) => *destination = *(float*)block;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TSimd, TVector>(byte* source)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadTwo<TSimd, TVector>(byte* source, out TVector first, out TVector second)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        first = Load<TSimd, TVector>(source);
        second = Load<TSimd, TVector>(source + Size * TSimd.Width);
    }
}

/// <summary>bfloat16 as stored.</summary>
internal readonly unsafe struct StoredBF16 : IStored, IBlockFormat
{
    public static int BlockBytes => Size;

    public static int BlockSize => 1;

    public static int Size
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2;
    }

    public static bool Interleaved
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Quantize(float* source, byte* block) => SimdScalar.StoreBF16((ushort*)block, *source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Dequantize(byte* block, float* destination) => *destination = SimdScalar.LoadBF16((ushort*)block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TSimd, TVector>(byte* source)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.LoadBF16((ushort*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadTwo<TSimd, TVector>(byte* source, out TVector first, out TVector second)
        where TSimd : ISimd<TVector>
        where TVector : struct =>
        TSimd.LoadBF16Pairs((ushort*)source, out first, out second);
}

/// <summary>Binary16 as stored.</summary>
internal readonly unsafe struct StoredF16 : IStored, IBlockFormat
{
    public static int BlockBytes => Size;

    public static int BlockSize => 1;

    public static int Size
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2;
    }

    public static bool Interleaved
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Quantize(float* source, byte* block) => *(Half*)block = (Half)(*source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Dequantize(byte* block, float* destination) => *destination = (float)*(Half*)block;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TSimd, TVector>(byte* source)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.LoadF16((ushort*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadTwo<TSimd, TVector>(byte* source, out TVector first, out TVector second)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        first = Load<TSimd, TVector>(source);
        second = Load<TSimd, TVector>(source + Size * TSimd.Width);
    }
}
