namespace MoA.Engine.Numerics;

/// <summary>
/// The vector operations that kernels are written over, once for all widths: <typeparamref name="TVector"/> is a vector
/// of <see cref="Width"/> floats, lane i holding element i. The JIT compiles a kernel anew for every implementation.
/// </summary>
internal unsafe interface ISimd<TVector> : IIntegerSimd<TVector>
    where TVector : struct
{
    /// <summary>Lanes.</summary>
    static abstract int Width { get; }

    static abstract TVector Zero { get; }

    static abstract TVector Broadcast(float value);

    /// <summary>A finite binary16 number that is not negative, in all lanes. Two bytes more are read than it has.</summary>
    static abstract TVector BroadcastPositiveF16(byte* source);

    static abstract TVector Load(float* source);

    /// <summary>Loads Width/2 numbers, each into two neighbouring lanes; not for a width of 1.</summary>
    static abstract TVector LoadTwice(float* source);

    /// <summary>Widens bfloat16: the 16 bits become the upper half of a float.</summary>
    static abstract TVector LoadBF16(ushort* source);

    /// <summary>
    /// Widens 2·<see cref="Width"/> bfloat16 numbers, those at even places and those at odd ones apart: cheaper than in
    /// order, as no number leaves its place.
    /// </summary>
    static abstract void LoadBF16Pairs(ushort* source, out TVector even, out TVector odd);

    /// <summary>Widens finite binary16 numbers, subnormals included.</summary>
    static abstract TVector LoadF16(ushort* source);

    /// <summary>Signed bytes as floats.</summary>
    static abstract TVector LoadInt8(sbyte* source);

    /// <summary>
    /// Loads 2·<see cref="Width"/> signed bytes of each source, widened to 16 bits: a lane's lower half is of
    /// <paramref name="a"/>, its upper half of <paramref name="b"/>. They stand in order; but of 16 lanes the upper halves of the
    /// first vector and the lower ones of the second have changed places. Not for a width of 1.
    /// </summary>
    /// <param name="a">One source.</param>
    /// <param name="b">The other.</param>
    /// <param name="first">The first half.</param>
    /// <param name="second">The second half.</param>
    static abstract void LoadInt8Pairs(sbyte* a, sbyte* b, out TVector first, out TVector second);

    /// <summary>
    /// Widens signed bytes to 16 bits, those at even places of the vector and those at odd ones apart. Not for a width of 1.
    /// </summary>
    static abstract void SplitInt8(TVector bytes, out TVector even, out TVector odd);

    /// <summary>
    /// Lanes of two 16-bit halves: the lower half of <paramref name="a"/> and, above it, that of <paramref name="b"/>. Not for a
    /// width of 1.
    /// </summary>
    static abstract TVector JoinLowerHalves(TVector a, TVector b);

    static abstract void Store(float* destination, TVector value);

    /// <summary>Rounds to bfloat16, ties to even.</summary>
    static abstract void StoreBF16(ushort* destination, TVector value);

    /// <summary>The nearest bfloat16 values, ties to even.</summary>
    static abstract TVector RoundToBF16(TVector value);

    static abstract TVector Add(TVector a, TVector b);

    static abstract TVector Subtract(TVector a, TVector b);

    static abstract TVector Multiply(TVector a, TVector b);

    static abstract TVector Divide(TVector a, TVector b);

    /// <summary>a·b + c, fused where the machine can.</summary>
    static abstract TVector MultiplyAdd(TVector a, TVector b, TVector c);

    /// <summary>
    /// Adds products of pairs of 16-bit integers, two to a lane: each lane of <paramref name="sum"/>, a 32-bit integer,
    /// grows by the lower halves' product and the upper halves'.
    /// </summary>
    static abstract TVector AddPairProducts(TVector a, TVector b, TVector sum);

    /// <summary>Subtracts 16-bit integers, two to a lane.</summary>
    static abstract TVector SubtractShorts(TVector a, TVector b);

    /// <summary>Lanes of 32-bit integers as floats.</summary>
    static abstract TVector IntegersToFloats(TVector integers);

    static abstract TVector Max(TVector a, TVector b);

    static abstract TVector Min(TVector a, TVector b);

    static abstract TVector Abs(TVector a);

    /// <summary>Exchanges lanes 2i and 2i + 1; not for a width of 1.</summary>
    static abstract TVector SwapPairs(TVector a);

    /// <summary>The bits of each lane shifted left by 23: a small integer becomes a float's exponent.</summary>
    static abstract TVector ShiftIntoExponent(TVector a);

    /// <summary>The sum of all lanes, in a fixed order.</summary>
    static abstract float SumLanes(TVector a);

    static abstract float MaxLane(TVector a);

    /// <summary>
    /// Transposes <see cref="Width"/> rows of four columns: four vectors, one a column. Not for a width of 1.
    /// </summary>
    static abstract void StoreColumns(byte* rows, nint rowBytes, float* destination, nint columnStride);

    /// <summary>Stores the four sums of the lanes of a, b, c and d, in a fixed order.</summary>
    static abstract void StoreSums(float* destination, TVector a, TVector b, TVector c, TVector d);
}
