using System.Runtime.CompilerServices;

namespace MoA.Engine.Numerics;

/// <summary>Binary32 as stored.</summary>
internal readonly unsafe struct StoredF32 : IStored
{
    public static int Size
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TSimd, TVector>(byte* source)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.Load((float*)source);
}

/// <summary>bfloat16 as stored.</summary>
internal readonly unsafe struct StoredBF16 : IStored
{
    public static int Size
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TSimd, TVector>(byte* source)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.LoadBF16((ushort*)source);
}

/// <summary>Binary16 as stored.</summary>
internal readonly unsafe struct StoredF16 : IStored
{
    public static int Size
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TSimd, TVector>(byte* source)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.LoadF16((ushort*)source);
}
