using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <content>Integers in the lanes.</content>
internal readonly unsafe partial struct Simd512
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LowerNibbles(Vector512<float> bytes) => (bytes.AsByte() & Vector512.Create((byte)15)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> UpperNibbles(Vector512<float> bytes) =>
        ((bytes.AsUInt16() >>> 4).AsByte() & Vector512.Create((byte)15)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Bits(Vector512<float> bytes, int shift, byte mask, int to) =>
        (((bytes.AsUInt16() >>> shift).AsByte() & Vector512.Create(mask)).AsUInt16() << to).AsSingle();

    // Four copies of the bits, seven apart: none meets another, and the bit of each byte stands where it should.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> SpreadBits(Vector512<float> lanes, int first) =>
        ((((lanes.AsUInt32() >>> first) & Vector512.Create(15u)) * Vector512.Create(0x0204_0810u)) & Vector512.Create(0x1010_1010u)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Lookup(Vector512<float> bytes, Vector128<sbyte> table) => Integers.Lookup(bytes.AsByte(), table.AsByte()).AsSingle();

    // The exponent of a float; its smallest power of two is a subnormal number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadPowersOfTwo(byte* exponents) =>
        Vector512.Max(Integers.WidenToInt32(Vector128.Load(exponents)) << 23, Vector512.Create(0x0040_0000)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ShiftRight(Vector512<float> bytes, int count) => (bytes.AsUInt16() >>> count).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> AddIntegers(Vector512<float> a, Vector512<float> b) => (a.AsInt32() + b.AsInt32()).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Or(Vector512<float> a, Vector512<float> b) => (a.AsUInt32() | b.AsUInt32()).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> FourBits(Vector512<float> lanes, int shift) =>
        Vector512.ConvertToSingle((lanes.AsInt32() >>> shift) & Vector512.Create(15));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> SixBits(Vector512<float> lanes, int shift) =>
        Vector512.ConvertToSingle((lanes.AsInt32() >>> shift) & Vector512.Create(63));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> SixBits(Vector512<float> a, int shift, Vector512<float> b, int shiftOfTwo)
    {
        Vector512<int> lower = (a.AsInt32() >>> shift) & Vector512.Create(15), upper = (b.AsInt32() >>> shiftOfTwo) & Vector512.Create(3);
        return Vector512.ConvertToSingle(lower | (upper << 4));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> SignedByte(Vector512<float> lanes, int index) =>
        Vector512.ConvertToSingle((lanes.AsInt32() << (24 - 8 * index)) >> 24);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LowerF16(Vector512<float> lanes) => UpperF16((lanes.AsInt32() << 16).AsSingle());

    // As LoadF16.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> UpperF16(Vector512<float> lanes) =>
        ((lanes.AsInt32() >> 3) & Vector512.Create(unchecked((int)0x8FFF_E000))).AsSingle() * Vector512.Create(5.192296858534828e33f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> SumProducts(
        Vector512<float> w0, Vector512<float> w1, Vector512<float> w2, Vector512<float> w3, Vector512<float> w4,
        Vector512<float> w5, Vector512<float> w6, Vector512<float> w7, byte* a, int bits)
    {
        Vector512<short> first = Pairs(w0, a) + Pairs(w1, a + 4), second = Pairs(w2, a + 8) + Pairs(w3, a + 12);
        Vector512<short> third = Pairs(w4, a + 16) + Pairs(w5, a + 20), fourth = Pairs(w6, a + 24) + Pairs(w7, a + 28);
        if (bits == 4)
            return Sum(first + second + (third + fourth)).AsSingle();
        if (bits == 5)
            return (Sum(first + second) + Sum(third + fourth)).AsSingle();
        return (Sum(first) + Sum(second) + (Sum(third) + Sum(fourth))).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> SumProducts(
        Vector512<float> w0, Vector512<float> w1, Vector512<float> w2, Vector512<float> w3, byte* a, int bits)
    {
        Vector512<short> first = Pairs(w0, a) + Pairs(w1, a + 4), second = Pairs(w2, a + 8) + Pairs(w3, a + 12);
        return (bits < 6 ? Sum(first + second) : Sum(first) + Sum(second)).AsSingle();
    }

    // Two products are at most 2·63·127: 16 bits hold eight such sums of 4 bits, four of 5, two of 6.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Pairs(Vector512<float> w, byte* a) =>
        Integers.MultiplyAddPairs(w.AsByte(), Vector512.Create(*(int*)a).AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Sum(Vector512<short> pairs) => Integers.MultiplyAddPairs(pairs, Vector512<short>.One);
}
