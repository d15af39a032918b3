using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoA.Engine.Numerics;

/// <content>Integers in the lanes.</content>
internal readonly unsafe partial struct Simd256
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LowerNibbles(Vector256<float> bytes) => (bytes.AsByte() & Vector256.Create((byte)15)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> UpperNibbles(Vector256<float> bytes) =>
        ((bytes.AsUInt16() >>> 4).AsByte() & Vector256.Create((byte)15)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Bits(Vector256<float> bytes, int shift, byte mask, int to) =>
        (((bytes.AsUInt16() >>> shift).AsByte() & Vector256.Create(mask)).AsUInt16() << to).AsSingle();

    // Four copies of the bits, seven apart: none meets another, and the bit of each byte stands where it should.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> SpreadBits(Vector256<float> lanes, int first) =>
        ((((lanes.AsUInt32() >>> first) & Vector256.Create(15u)) * Vector256.Create(0x0204_0810u)) & Vector256.Create(0x1010_1010u)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Lookup(Vector256<float> bytes, Vector128<sbyte> table) => Integers.Lookup(bytes.AsByte(), table.AsByte()).AsSingle();

    // The exponent of a float; its smallest power of two is a subnormal number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadPowersOfTwo(byte* exponents) =>
        Vector256.Max(Integers.WidenLowerToInt32(Vector128.CreateScalarUnsafe(*(ulong*)exponents).AsByte()) << 23, Vector256.Create(0x0040_0000)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ShiftRight(Vector256<float> bytes, int count) => (bytes.AsUInt16() >>> count).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> AddIntegers(Vector256<float> a, Vector256<float> b) => (a.AsInt32() + b.AsInt32()).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Or(Vector256<float> a, Vector256<float> b) => (a.AsUInt32() | b.AsUInt32()).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> FourBits(Vector256<float> lanes, int shift) =>
        Vector256.ConvertToSingle((lanes.AsInt32() >>> shift) & Vector256.Create(15));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> SixBits(Vector256<float> lanes, int shift) =>
        Vector256.ConvertToSingle((lanes.AsInt32() >>> shift) & Vector256.Create(63));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> SixBits(Vector256<float> a, int shift, Vector256<float> b, int shiftOfTwo)
    {
        Vector256<int> lower = (a.AsInt32() >>> shift) & Vector256.Create(15), upper = (b.AsInt32() >>> shiftOfTwo) & Vector256.Create(3);
        return Vector256.ConvertToSingle(lower | (upper << 4));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> SignedByte(Vector256<float> lanes, int index) =>
        Vector256.ConvertToSingle((lanes.AsInt32() << (24 - 8 * index)) >> 24);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LowerF16(Vector256<float> lanes) => UpperF16((lanes.AsInt32() << 16).AsSingle());

    // As LoadF16.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> UpperF16(Vector256<float> lanes) =>
        ((lanes.AsInt32() >> 3) & Vector256.Create(unchecked((int)0x8FFF_E000))).AsSingle() * Vector256.Create(5.192296858534828e33f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> SumProducts(
        Vector256<float> w0, Vector256<float> w1, Vector256<float> w2, Vector256<float> w3, Vector256<float> w4,
        Vector256<float> w5, Vector256<float> w6, Vector256<float> w7, byte* a, int bits)
    {
        if (AvxVnni.IsSupported)
        {
            Vector256<int> even = Add(Add(Add(Add(Vector256<int>.Zero, w0, a), w2, a + 8), w4, a + 16), w6, a + 24);
            return (even + Add(Add(Add(Add(Vector256<int>.Zero, w1, a + 4), w3, a + 12), w5, a + 20), w7, a + 28)).AsSingle();
        }

        Vector256<short> first = Pairs(w0, a) + Pairs(w1, a + 4), second = Pairs(w2, a + 8) + Pairs(w3, a + 12);
        Vector256<short> third = Pairs(w4, a + 16) + Pairs(w5, a + 20), fourth = Pairs(w6, a + 24) + Pairs(w7, a + 28);
        if (bits == 4)
            return Sum(first + second + (third + fourth)).AsSingle();
        if (bits == 5)
            return (Sum(first + second) + Sum(third + fourth)).AsSingle();
        return (Sum(first) + Sum(second) + (Sum(third) + Sum(fourth))).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> SumProducts(
        Vector256<float> w0, Vector256<float> w1, Vector256<float> w2, Vector256<float> w3, byte* a, int bits)
    {
        if (AvxVnni.IsSupported)
        {
            Vector256<int> even = Add(Add(Vector256<int>.Zero, w0, a), w2, a + 8);
            return (even + Add(Add(Vector256<int>.Zero, w1, a + 4), w3, a + 12)).AsSingle();
        }

        Vector256<short> first = Pairs(w0, a) + Pairs(w1, a + 4), second = Pairs(w2, a + 8) + Pairs(w3, a + 12);
        return (bits < 6 ? Sum(first + second) : Sum(first) + Sum(second)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Add(Vector256<int> sum, Vector256<float> w, byte* a) =>
        AvxVnni.MultiplyWideningAndAdd(sum, w.AsByte(), Vector256.Create(*(int*)a).AsSByte());

    // Two products are at most 2·63·127: 16 bits hold eight such sums of 4 bits, four of 5, two of 6.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Pairs(Vector256<float> w, byte* a) =>
        Integers.MultiplyAddPairs(w.AsByte(), Vector256.Create(*(int*)a).AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Sum(Vector256<short> pairs) => Integers.MultiplyAddPairs(pairs, Vector256<short>.One);
}
