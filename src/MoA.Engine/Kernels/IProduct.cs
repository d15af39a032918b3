using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>What a matrix product multiplies, as a type.</summary>
internal interface IProduct
{
    /// <summary>Whether lanes hold pairs of 16-bit integers, to be scaled in the end.</summary>
    static abstract bool IsInteger { get; }

    /// <summary>a·b + sum.</summary>
    static abstract TVector Add<TSimd, TVector>(TVector a, TVector b, TVector sum)
        where TSimd : ISimd<TVector>
        where TVector : struct;
}

/// <summary>Floats.</summary>
internal readonly struct FloatProduct : IProduct
{
    public static bool IsInteger => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Add<TSimd, TVector>(TVector a, TVector b, TVector sum)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.MultiplyAdd(a, b, sum);
}

/// <summary>
/// Pairs of 16-bit integers: twice as many products as floats in an instruction. For quantised weights, over whose own
/// error that of rounding a panel to 11 bits and inputs to 12 (<see cref="LargestWeight"/>, <see cref="LargestInput"/>) is lost.
/// </summary>
internal readonly struct PairProduct : IProduct
{
    /// <summary>Magnitude of the largest weight of an output column in a panel.</summary>
    public const int LargestWeight = 2047;

    /// <summary>Magnitude of the largest input of a row in a panel. A sum of 256 products stays below 2^31.</summary>
    public const int LargestInput = 4095;

    public static bool IsInteger => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Add<TSimd, TVector>(TVector a, TVector b, TVector sum)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.AddPairProducts(a, b, sum);
}
