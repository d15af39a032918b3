using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoA.Engine.Numerics;

/// <summary>256-bit vectors: 8 floats.</summary>
internal readonly unsafe partial struct Simd256 : ISimd<Vector256<float>>
{
    public static int Width
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
    }

    public static Vector256<float> Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256<float>.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Broadcast(float value) => Vector256.Create(value);

    // As LoadF16; shifting up first clears the two bytes that do not belong to the number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> BroadcastPositiveF16(byte* source) =>
        ((Vector256.Create(*(uint*)source) << 16) >>> 3).AsSingle() * Vector256.Create(5.192296858534828e33f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(float* source) => Vector256.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadTwice(float* source) =>
        Vector256.Shuffle(Vector128.Load(source).ToVector256Unsafe(), Vector256.Create(0, 0, 1, 1, 2, 2, 3, 3));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadBF16(ushort* source) => (Widen(source) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadBF16Pairs(ushort* source, out Vector256<float> even, out Vector256<float> odd)
    {
        Vector256<uint> pairs = Vector256.Load((uint*)source);
        even = (pairs << 16).AsSingle();
        odd = (pairs & Vector256.Create(0xFFFF0000u)).AsSingle();
    }

    // Exponent and mantissa move into place, where the exponent is 112 too small; multiplying by 2^112 mends that and
    // normalises subnormals on the way. Shifting the sign along fills the bits between it and the exponent: clear them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadF16(ushort* source)
    {
        Vector256<int> bits = Vector256.WidenLower(Vector128.Load((short*)source).ToVector256Unsafe());
        return ((bits << 13) & Vector256.Create(unchecked((int)0x8FFF_E000))).AsSingle() * Vector256.Create(5.192296858534828e33f);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadInt8(sbyte* source) => Vector256.ConvertToSingle(
        Avx2.IsSupported
            ? Avx2.ConvertToVector256Int32(source)
            : Vector256.WidenLower(Vector128.WidenLower(Vector64.Load(source).ToVector128Unsafe()).ToVector256Unsafe()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadInt8Pairs(sbyte* a, sbyte* b, out Vector256<float> first, out Vector256<float> second)
    {
        if (Avx2.IsSupported)
        {
            Vector128<sbyte> x = Vector128.Load(a), y = Vector128.Load(b);
            first = Avx2.ConvertToVector256Int16(Sse2.UnpackLow(x, y)).AsSingle();
            second = Avx2.ConvertToVector256Int16(Sse2.UnpackHigh(x, y)).AsSingle();
            return;
        }

        Simd128.LoadInt8Pairs(a, b, out Vector128<float> p0, out Vector128<float> p1);
        Simd128.LoadInt8Pairs(a + 8, b + 8, out Vector128<float> p2, out Vector128<float> p3);
        first = Vector256.Create(p0, p1);
        second = Vector256.Create(p2, p3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SplitInt8(Vector256<float> bytes, out Vector256<float> even, out Vector256<float> odd)
    {
        even = ((bytes.AsInt16() << 8) >> 8).AsSingle();
        odd = (bytes.AsInt16() >> 8).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> JoinLowerHalves(Vector256<float> a, Vector256<float> b) =>
        Vector256.ConditionalSelect(Vector256.Create(0xFFFFu), a.AsUInt32(), b.AsUInt32() << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, Vector256<float> value) => value.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBF16(ushort* destination, Vector256<float> value)
    {
        Vector256<uint> bits = value.AsUInt32();
        Vector256<uint> odd = (bits >>> 16) & Vector256<uint>.One;
        Vector256<uint> rounded = (bits + Vector256.Create(0x7FFFu) + odd) >>> 16;
        Vector128.Narrow(rounded.GetLower(), rounded.GetUpper()).Store(destination);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> RoundToBF16(Vector256<float> value)
    {
        Vector256<uint> bits = value.AsUInt32();
        Vector256<uint> odd = (bits >>> 16) & Vector256<uint>.One;
        return ((bits + Vector256.Create(0x7FFFu) + odd) & Vector256.Create(0xFFFF0000u)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add(Vector256<float> a, Vector256<float> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Subtract(Vector256<float> a, Vector256<float> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Multiply(Vector256<float> a, Vector256<float> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Divide(Vector256<float> a, Vector256<float> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Vector256.MultiplyAddEstimate(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> AddPairProducts(Vector256<float> a, Vector256<float> b, Vector256<float> sum) =>
        Integers.AddProducts(sum.AsInt32(), a.AsInt16(), b.AsInt16()).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> SubtractShorts(Vector256<float> a, Vector256<float> b) => (a.AsInt16() - b.AsInt16()).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> IntegersToFloats(Vector256<float> integers) => Vector256.ConvertToSingle(integers.AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Max(Vector256<float> a, Vector256<float> b) => Vector256.MaxNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Min(Vector256<float> a, Vector256<float> b) => Vector256.MinNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Abs(Vector256<float> a) => Vector256.Abs(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> SwapPairs(Vector256<float> a) =>
        Vector256.Shuffle(a, Vector256.Create(1, 0, 3, 2, 5, 4, 7, 6));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ShiftIntoExponent(Vector256<float> a) => (a.AsInt32() << 23).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SumLanes(Vector256<float> a) => Vector128.Sum(a.GetLower() + a.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxLane(Vector256<float> a)
    {
        return Simd128.MaxLane(Vector128.MaxNative(a.GetLower(), a.GetUpper()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Widen(ushort* source) => Vector256.WidenLower(Vector128.Load(source).ToVector256Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSums(
        float* destination, Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
    {
        if (Avx.IsSupported)
        {
            // In each half: (a0+a2, a1+a3, b2+b0, b3+b1), then even and odd elements; the halves last.
            Vector256<float> ab = Avx.Blend(a, b, 0b1100_1100) + Avx.Shuffle(a, b, 0b01_00_11_10);
            Vector256<float> cd = Avx.Blend(c, d, 0b1100_1100) + Avx.Shuffle(c, d, 0b01_00_11_10);
            Vector256<float> sums = Avx.Shuffle(ab, cd, 0b10_00_10_00) + Avx.Shuffle(ab, cd, 0b11_01_11_01);
            (sums.GetLower() + sums.GetUpper()).Store(destination);
        }
        else
        {
            Simd128.StoreSums(
                destination, a.GetLower() + a.GetUpper(), b.GetLower() + b.GetUpper(), c.GetLower() + c.GetUpper(),
                d.GetLower() + d.GetUpper());
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreColumns(byte* rows, nint rowBytes, float* destination, nint columnStride)
    {
        Vector256<float> a = LoadQuads(rows, rowBytes), b = LoadQuads(rows + rowBytes, rowBytes);
        Vector256<float> c = LoadQuads(rows + 2 * rowBytes, rowBytes), d = LoadQuads(rows + 3 * rowBytes, rowBytes);
        Lanes.Transpose(ref a, ref b, ref c, ref d);
        a.Store(destination);
        b.Store(destination + columnStride);
        c.Store(destination + 2 * columnStride);
        d.Store(destination + 3 * columnStride);
    }

    // Four floats of a row and of the fourth after it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> LoadQuads(byte* row, nint rowBytes) =>
        Vector256.Create(Vector128.Load((float*)row), Vector128.Load((float*)(row + 4 * rowBytes)));
}
