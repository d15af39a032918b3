using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace MoA.Engine.Numerics;

/// <summary>
/// Operations on integers for which .NET has no portable form, or none that is as fast.
/// </summary>
internal static unsafe class Integers
{
    /// <summary>16 signed bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> WidenSigned(byte* source)
    {
        if (Avx2.IsSupported)
            return Avx2.ConvertToVector256Int16((sbyte*)source);
        Vector128<sbyte> bytes = Vector128.Load((sbyte*)source);
        return Vector256.Create(Vector128.WidenLower(bytes), Vector128.WidenUpper(bytes));
    }

    /// <summary>32 signed bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> WidenSigned512(byte* source)
    {
        if (Avx512BW.IsSupported)
            return Avx512BW.ConvertToVector512Int16(Vector256.Load((sbyte*)source));
        return Vector512.Create(WidenSigned(source), WidenSigned(source + 16));
    }

    /// <summary>16 unsigned bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> WidenUnsigned(byte* source)
    {
        if (Avx2.IsSupported)
            return Avx2.ConvertToVector256Int16(source);
        Vector128<byte> bytes = Vector128.Load(source);
        return Vector256.Create(Vector128.WidenLower(bytes), Vector128.WidenUpper(bytes)).AsInt16();
    }

    /// <summary>The lower and the upper halves of 32 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SplitNibbles(byte* source, out Vector256<byte> lower, out Vector256<byte> upper)
    {
        Vector256<byte> bytes = Vector256.Load(source), mask = Vector256.Create((byte)15);
        lower = bytes & mask;
        upper = UpperNibbles(bytes, mask);
    }

    /// <summary>The upper halves of bytes; the mask is 15 in every byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> UpperNibbles(Vector256<byte> bytes, Vector256<byte> mask) => ShiftBits(bytes, 4) & mask;

    /// <summary>
    /// Shifts right, or left by a negative count, which should be a constant. Bits move on into neighbouring bytes: those
    /// that do are to be masked.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> ShiftBits(Vector256<byte> bytes, int count) =>
        (count >= 0 ? bytes.AsUInt16() >>> count : bytes.AsUInt16() << -count).AsByte();

    /// <summary>The lower eight of unsigned bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> WidenLowerToInt32(Vector128<byte> bytes)
    {
        if (Avx2.IsSupported)
            return Avx2.ConvertToVector256Int32(bytes);
        Vector128<ushort> words = Vector128.WidenLower(bytes);
        return Vector256.Create(Vector128.WidenLower(words), Vector128.WidenUpper(words)).AsInt32();
    }

    /// <summary>The upper eight of unsigned bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> WidenUpperToInt32(Vector128<byte> bytes) =>
        WidenLowerToInt32(Vector128.Shuffle(bytes.AsUInt64(), Vector128.Create(1ul, 1)).AsByte());

    /// <summary>16 unsigned bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> WidenToInt32(Vector128<byte> bytes) => Avx512F.IsSupported
        ? Avx512F.ConvertToVector512Int32(bytes)
        : Vector512.Create(WidenLowerToInt32(bytes), WidenUpperToInt32(bytes));

    /// <summary>What a table has for every byte, all of which are below 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Lookup(Vector128<byte> bytes, Vector128<byte> table)
    {
        if (Ssse3.IsSupported)
            return Ssse3.Shuffle(table, bytes);
        if (AdvSimd.Arm64.IsSupported)
            return AdvSimd.Arm64.VectorTableLookup(table, bytes);
        return Vector128.Shuffle(table, bytes);
    }

    /// <summary>What a table has for every of 32 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Lookup(Vector256<byte> bytes, Vector128<byte> table)
    {
        if (Avx2.IsSupported)
            return Avx2.Shuffle(Vector256.Create(table, table), bytes);
        return Vector256.Create(Lookup(bytes.GetLower(), table), Lookup(bytes.GetUpper(), table));
    }

    /// <summary>What a table has for every of 64 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Lookup(Vector512<byte> bytes, Vector128<byte> table)
    {
        if (Avx512BW.IsSupported)
        {
            Vector256<byte> twice = Vector256.Create(table, table);
            return Avx512BW.Shuffle(Vector512.Create(twice, twice), bytes);
        }

        return Vector512.Create(Lookup(bytes.GetLower(), table), Lookup(bytes.GetUpper(), table));
    }

    /// <summary>
    /// Products of neighbours added, unsigned by signed: lane i becomes a[2i]·b[2i] + a[2i+1]·b[2i+1], which must fit.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> MultiplyAddPairs(Vector256<byte> a, Vector256<sbyte> b)
    {
        if (Avx2.IsSupported)
            return Avx2.MultiplyAddAdjacent(a, b);
        Vector256<short> even = (a.AsUInt16() & Vector256.Create((ushort)255)).AsInt16() * ((b.AsInt16() << 8) >> 8);
        return even + (a.AsUInt16() >>> 8).AsInt16() * (b.AsInt16() >> 8);
    }

    /// <summary>Adds products of two 16-bit integers to each lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> AddProducts(Vector256<int> sum, Vector256<short> a, Vector256<short> b) =>
        AvxVnni.IsSupported ? AvxVnni.MultiplyWideningAndAdd(sum, a, b) : sum + MultiplyAddPairs(a, b);

    /// <summary>Products of neighbours added: lane i becomes a[2i]·b[2i] + a[2i+1]·b[2i+1].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> MultiplyAddPairs(Vector256<short> a, Vector256<short> b)
    {
        if (Avx2.IsSupported)
            return Avx2.MultiplyAddAdjacent(a, b);
        return Vector256.Create(
            MultiplyAddPairs(a.GetLower(), b.GetLower()), MultiplyAddPairs(a.GetUpper(), b.GetUpper()));
    }

    /// <summary>Products of neighbours added, of 32 lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> MultiplyAddPairs(Vector512<short> a, Vector512<short> b)
    {
        if (Avx512BW.IsSupported)
            return Avx512BW.MultiplyAddAdjacent(a, b);
        return Vector512.Create(
            MultiplyAddPairs(a.GetLower(), b.GetLower()), MultiplyAddPairs(a.GetUpper(), b.GetUpper()));
    }

    /// <summary>Products of neighbours added, of 64 bytes, unsigned by signed; each must fit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> MultiplyAddPairs(Vector512<byte> a, Vector512<sbyte> b)
    {
        if (Avx512BW.IsSupported)
            return Avx512BW.MultiplyAddAdjacent(a, b);
        return Vector512.Create(
            MultiplyAddPairs(a.GetLower(), b.GetLower()), MultiplyAddPairs(a.GetUpper(), b.GetUpper()));
    }

    /// <summary>Adds products of four bytes, unsigned below 128 by signed, to each of four lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> AddProducts(Vector128<int> sum, Vector128<byte> a, Vector128<sbyte> b)
    {
        if (Dp.IsSupported)
            return Dp.DotProduct(sum, a.AsSByte(), b);
        if (AvxVnni.IsSupported)
            return AvxVnni.MultiplyWideningAndAdd(sum, a, b);
        if (Ssse3.IsSupported)
            return sum + Sse2.MultiplyAddAdjacent(Ssse3.MultiplyAddAdjacent(a, b), Vector128<short>.One);
        Vector128<short> even = (a.AsUInt16() & Vector128.Create((ushort)255)).AsInt16() * ((b.AsInt16() << 8) >> 8);
        Vector128<short> odd = (a.AsUInt16() >>> 8).AsInt16() * (b.AsInt16() >> 8);
        return sum + MultiplyAddPairs(even + odd, Vector128<short>.One);
    }

    /// <summary>Products of neighbours added, of 8 lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> MultiplyAddPairs(Vector128<short> a, Vector128<short> b)
    {
        if (Sse2.IsSupported)
            return Sse2.MultiplyAddAdjacent(a, b);
        if (AdvSimd.Arm64.IsSupported)
        {
            return AdvSimd.Arm64.AddPairwise(
                AdvSimd.MultiplyWideningLower(a.GetLower(), b.GetLower()), AdvSimd.MultiplyWideningUpper(a, b));
        }

        Vector128<int> sums = Vector128<int>.Zero;
        for (int i = 0; i < Vector128<int>.Count; i++)
            sums = sums.WithElement(i, a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1]);
        return sums;
    }
}
