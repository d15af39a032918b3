using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <content>Integers in the lanes.</content>
internal readonly unsafe partial struct Simd128
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LowerNibbles(Vector128<float> bytes) => (bytes.AsByte() & Vector128.Create((byte)15)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> UpperNibbles(Vector128<float> bytes) =>
        ((bytes.AsUInt16() >>> 4).AsByte() & Vector128.Create((byte)15)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Bits(Vector128<float> bytes, int shift, byte mask, int to) =>
        (((bytes.AsUInt16() >>> shift).AsByte() & Vector128.Create(mask)).AsUInt16() << to).AsSingle();

    // Four copies of the bits, seven apart: none meets another, and the bit of each byte stands where it should.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SpreadBits(Vector128<float> lanes, int first) =>
        ((((lanes.AsUInt32() >>> first) & Vector128.Create(15u)) * Vector128.Create(0x0204_0810u)) & Vector128.Create(0x1010_1010u)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Lookup(Vector128<float> bytes, Vector128<sbyte> table) => Integers.Lookup(bytes.AsByte(), table.AsByte()).AsSingle();

    // The exponent of a float; its smallest power of two is a subnormal number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadPowersOfTwo(byte* exponents) =>
        Vector128.Max(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(uint*)exponents).AsByte())).AsInt32() << 23, Vector128.Create(0x0040_0000)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> ShiftRight(Vector128<float> bytes, int count) => (bytes.AsUInt16() >>> count).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> AddIntegers(Vector128<float> a, Vector128<float> b) => (a.AsInt32() + b.AsInt32()).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Or(Vector128<float> a, Vector128<float> b) => (a.AsUInt32() | b.AsUInt32()).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> FourBits(Vector128<float> lanes, int shift) =>
        Vector128.ConvertToSingle((lanes.AsInt32() >>> shift) & Vector128.Create(15));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SixBits(Vector128<float> lanes, int shift) =>
        Vector128.ConvertToSingle((lanes.AsInt32() >>> shift) & Vector128.Create(63));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SixBits(Vector128<float> a, int shift, Vector128<float> b, int shiftOfTwo)
    {
        Vector128<int> lower = (a.AsInt32() >>> shift) & Vector128.Create(15), upper = (b.AsInt32() >>> shiftOfTwo) & Vector128.Create(3);
        return Vector128.ConvertToSingle(lower | (upper << 4));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SignedByte(Vector128<float> lanes, int index) =>
        Vector128.ConvertToSingle((lanes.AsInt32() << (24 - 8 * index)) >> 24);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LowerF16(Vector128<float> lanes) => UpperF16((lanes.AsInt32() << 16).AsSingle());

    // As LoadF16.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> UpperF16(Vector128<float> lanes) =>
        ((lanes.AsInt32() >> 3) & Vector128.Create(unchecked((int)0x8FFF_E000))).AsSingle() * Vector128.Create(5.192296858534828e33f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SumProducts(
        Vector128<float> w0, Vector128<float> w1, Vector128<float> w2, Vector128<float> w3, Vector128<float> w4,
        Vector128<float> w5, Vector128<float> w6, Vector128<float> w7, byte* a, int bits) =>
        (Four(w0, w1, w2, w3, a) + Four(w4, w5, w6, w7, a + 16)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SumProducts(
        Vector128<float> w0, Vector128<float> w1, Vector128<float> w2, Vector128<float> w3, byte* a, int bits) =>
        Four(w0, w1, w2, w3, a).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Four(Vector128<float> w0, Vector128<float> w1, Vector128<float> w2, Vector128<float> w3, byte* a) =>
        Add(Add(Add(Add(Vector128<int>.Zero, w0, a), w1, a + 4), w2, a + 8), w3, a + 12);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Add(Vector128<int> sum, Vector128<float> w, byte* a) =>
        Integers.AddProducts(sum, w.AsByte(), Vector128.Create(*(int*)a).AsSByte());
}
