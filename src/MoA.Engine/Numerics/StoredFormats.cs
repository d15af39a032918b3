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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Quantize(float* source, byte* block) => *(float*)block = *source;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Dequantize(byte* block, float* destination) => *destination = *(float*)block;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TSimd, TVector>(byte* source)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.Load((float*)source);
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Quantize(float* source, byte* block) => SimdScalar.StoreBF16((ushort*)block, *source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Dequantize(byte* block, float* destination) => *destination = SimdScalar.LoadBF16((ushort*)block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TSimd, TVector>(byte* source)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.LoadBF16((ushort*)source);
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Quantize(float* source, byte* block) => *(Half*)block = (Half)(*source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Dequantize(byte* block, float* destination) => *destination = (float)*(Half*)block;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TSimd, TVector>(byte* source)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.LoadF16((ushort*)source);
}
