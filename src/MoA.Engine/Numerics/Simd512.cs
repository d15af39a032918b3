using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MoA.Engine.Numerics;

/// <summary>512-bit vectors: 16 floats.</summary>
internal readonly unsafe partial struct Simd512 : ISimd<Vector512<float>>
{
    public static int Width
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 16;
    }

    public static Vector512<float> Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512<float>.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Broadcast(float value) => Vector512.Create(value);

    // As LoadF16; shifting up first clears the two bytes that do not belong to the number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> BroadcastPositiveF16(byte* source) =>
        ((Vector512.Create(*(uint*)source) << 16) >>> 3).AsSingle() * Vector512.Create(5.192296858534828e33f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* source) => Vector512.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadTwice(float* source) =>
        Vector512.Shuffle(Vector256.Load(source).ToVector512Unsafe(), Vector512.Create(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadBF16(ushort* source) => (Widen(source) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadBF16Pairs(ushort* source, out Vector512<float> even, out Vector512<float> odd)
    {
        Vector512<uint> pairs = Vector512.Load((uint*)source);
        even = (pairs << 16).AsSingle();
        odd = (pairs & Vector512.Create(0xFFFF0000u)).AsSingle();
    }

    // Exponent and mantissa move into place, where the exponent is 112 too small; multiplying by 2^112 mends that and
    // normalises subnormals on the way. Shifting the sign along fills the bits between it and the exponent: clear them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadF16(ushort* source)
    {
        Vector512<int> bits = Vector512.WidenLower(Vector256.Load((short*)source).ToVector512Unsafe());
        return ((bits << 13) & Vector512.Create(unchecked((int)0x8FFF_E000))).AsSingle() * Vector512.Create(5.192296858534828e33f);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadInt8(sbyte* source) => Vector512.ConvertToSingle(Vector512.Create(
        Vector256.WidenLower(Vector128.WidenLower(Vector128.Load(source)).ToVector256Unsafe()),
        Vector256.WidenLower(Vector128.WidenUpper(Vector128.Load(source)).ToVector256Unsafe())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadInt8Pairs(sbyte* a, sbyte* b, out Vector512<float> first, out Vector512<float> second)
    {
        if (Avx512BW.IsSupported)
        {
            Vector256<sbyte> x = Vector256.Load(a), y = Vector256.Load(b);
            first = Avx512BW.ConvertToVector512Int16(Avx2.UnpackLow(x, y)).AsSingle();
            second = Avx512BW.ConvertToVector512Int16(Avx2.UnpackHigh(x, y)).AsSingle();
            return;
        }

        Simd256.LoadInt8Pairs(a, b, out Vector256<float> p0, out Vector256<float> p1);
        Simd256.LoadInt8Pairs(a + 16, b + 16, out Vector256<float> p2, out Vector256<float> p3);
        first = Vector512.Create(p0, p2);
        second = Vector512.Create(p1, p3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SplitInt8(Vector512<float> bytes, out Vector512<float> even, out Vector512<float> odd)
    {
        even = ((bytes.AsInt16() << 8) >> 8).AsSingle();
        odd = (bytes.AsInt16() >> 8).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> JoinLowerHalves(Vector512<float> a, Vector512<float> b) =>
        Vector512.ConditionalSelect(Vector512.Create(0xFFFFu), a.AsUInt32(), b.AsUInt32() << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, Vector512<float> value) => value.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBF16(ushort* destination, Vector512<float> value)
    {
        Vector512<uint> bits = value.AsUInt32();
        Vector512<uint> odd = (bits >>> 16) & Vector512<uint>.One;
        Vector512<uint> rounded = (bits + Vector512.Create(0x7FFFu) + odd) >>> 16;
        Vector512.Narrow(rounded, rounded).GetLower().Store(destination);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> RoundToBF16(Vector512<float> value)
    {
        Vector512<uint> bits = value.AsUInt32();
        Vector512<uint> odd = (bits >>> 16) & Vector512<uint>.One;
        return ((bits + Vector512.Create(0x7FFFu) + odd) & Vector512.Create(0xFFFF0000u)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<float> a, Vector512<float> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Subtract(Vector512<float> a, Vector512<float> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Multiply(Vector512<float> a, Vector512<float> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Divide(Vector512<float> a, Vector512<float> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> MultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Vector512.MultiplyAddEstimate(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> AddPairProducts(Vector512<float> a, Vector512<float> b, Vector512<float> sum) =>
        (Integers.MultiplyAddPairs(a.AsInt16(), b.AsInt16()) + sum.AsInt32()).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> SubtractShorts(Vector512<float> a, Vector512<float> b) => (a.AsInt16() - b.AsInt16()).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> IntegersToFloats(Vector512<float> integers) => Vector512.ConvertToSingle(integers.AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Max(Vector512<float> a, Vector512<float> b) => Vector512.MaxNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Min(Vector512<float> a, Vector512<float> b) => Vector512.MinNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Abs(Vector512<float> a) => Vector512.Abs(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> SwapPairs(Vector512<float> a) =>
        Vector512.Shuffle(a, Vector512.Create(1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ShiftIntoExponent(Vector512<float> a) => (a.AsInt32() << 23).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SumLanes(Vector512<float> a) => Simd256.SumLanes(a.GetLower() + a.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxLane(Vector512<float> a)
    {
        return Simd256.MaxLane(Vector256.MaxNative(a.GetLower(), a.GetUpper()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Widen(ushort* source) => Vector512.WidenLower(Vector256.Load(source).ToVector512Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSums(
        float* destination, Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        if (Avx512F.IsSupported)
        {
            // In each quarter: (a0+a2, b0+b2, a1+a3, b1+b3), then even and odd pairs; the quarters last.
            Vector512<double> ab = (Avx512F.UnpackLow(a, b) + Avx512F.UnpackHigh(a, b)).AsDouble();
            Vector512<double> cd = (Avx512F.UnpackLow(c, d) + Avx512F.UnpackHigh(c, d)).AsDouble();
            Vector512<float> sums = Avx512F.UnpackLow(ab, cd).AsSingle() + Avx512F.UnpackHigh(ab, cd).AsSingle();
            Vector256<float> half = sums.GetLower() + sums.GetUpper();
            (half.GetLower() + half.GetUpper()).Store(destination);
            return;
        }

        Simd256.StoreSums(
            destination, a.GetLower() + a.GetUpper(), b.GetLower() + b.GetUpper(), c.GetLower() + c.GetUpper(),
            d.GetLower() + d.GetUpper());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreColumns(byte* rows, nint rowBytes, float* destination, nint columnStride)
    {
        Vector512<float> a = LoadQuads(rows, rowBytes), b = LoadQuads(rows + rowBytes, rowBytes);
        Vector512<float> c = LoadQuads(rows + 2 * rowBytes, rowBytes), d = LoadQuads(rows + 3 * rowBytes, rowBytes);
        Lanes.Transpose(ref a, ref b, ref c, ref d);
        a.Store(destination);
        b.Store(destination + columnStride);
        c.Store(destination + 2 * columnStride);
        d.Store(destination + 3 * columnStride);
    }

    // Four floats of a row and of every fourth after it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> LoadQuads(byte* row, nint rowBytes) =>
        LoadTwoQuads(row, rowBytes).ToVector512Unsafe().WithUpper(LoadTwoQuads(row + 8 * rowBytes, rowBytes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> LoadTwoQuads(byte* row, nint rowBytes) =>
        Vector256.Create(Vector128.Load((float*)row), Vector128.Load((float*)(row + 4 * rowBytes)));
}
