using System.Diagnostics.CodeAnalysis;
using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <content>Integers stand in the lanes of vectors; a single number has none.</content>
internal readonly unsafe partial struct SimdScalar
{
    [DoesNotReturn]
    public static float LowerNibbles(float bytes) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float UpperNibbles(float bytes) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float Bits(float bytes, int shift, byte mask, int to) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float SpreadBits(float lanes, int first) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float Lookup(float bytes, Vector128<sbyte> table) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float LoadPowersOfTwo(byte* exponents) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float FourBits(float lanes, int shift) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float Or(float a, float b) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float SixBits(float lanes, int shift) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float SixBits(float a, int shift, float b, int shiftOfTwo) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float SumProducts(float w0, float w1, float w2, float w3, float w4, float w5, float w6, float w7, byte* a, int bits) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float SumProducts(float w0, float w1, float w2, float w3, byte* a, int bits) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float ShiftRight(float bytes, int count) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float AddIntegers(float a, float b) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float SignedByte(float lanes, int index) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float LowerF16(float lanes) => throw new NotSupportedException();

    [DoesNotReturn]
    public static float UpperF16(float lanes) => throw new NotSupportedException();
}
