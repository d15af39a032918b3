using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace MoA.Engine.Numerics;

/// <summary>
/// The integer operations of quantised kernels, 16 lanes of 16 bits at a time. Wider vectors would gain nothing: one core
/// unpacks blocks faster than memory delivers them.
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

    /// <summary>16 unsigned bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> WidenUnsigned(byte* source)
    {
        if (Avx2.IsSupported)
            return Avx2.ConvertToVector256Int16(source);
        Vector128<byte> bytes = Vector128.Load(source);
        return Vector256.Create(Vector128.WidenLower(bytes), Vector128.WidenUpper(bytes)).AsInt16();
    }

    /// <summary>
    /// The lower and upper halves of 32 bytes, each as those of bytes 0, 2 … 30 and of bytes 1, 3 … 31.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SplitNibbles(
        byte* source, out Vector256<short> evenLower, out Vector256<short> oddLower, out Vector256<short> evenUpper,
        out Vector256<short> oddUpper)
    {
        Vector256<short> mask = Vector256.Create((short)15);
        Vector256<short> x = Vector256.Load((short*)source);
        evenLower = x & mask;
        evenUpper = (x >>> 4) & mask;
        oddLower = (x >>> 8) & mask;
        oddUpper = x >>> 12;
    }

    /// <summary>Shifts right, or left by a negative count; the count should be a constant.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> Shift(Vector256<short> x, int count) => count >= 0 ? x >>> count : x << -count;

    /// <summary>even[0], odd[0], even[1], odd[1] …: the first 16, then the last 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<short> Lower, Vector256<short> Upper) Interleave(Vector256<short> even, Vector256<short> odd)
    {
        if (Avx2.IsSupported)
        {
            Vector256<short> lower = Avx2.UnpackLow(even, odd), upper = Avx2.UnpackHigh(even, odd);
            return (Avx2.Permute2x128(lower, upper, 0x20), Avx2.Permute2x128(lower, upper, 0x31));
        }

        // Each lane of 32 bits holds an even element below and the odd one above it.
        Vector256<int> lowerPairs = (Vector256.WidenLower(even) & Vector256.Create(0xFFFF)) | (Vector256.WidenLower(odd) << 16);
        Vector256<int> upperPairs = (Vector256.WidenUpper(even) & Vector256.Create(0xFFFF)) | (Vector256.WidenUpper(odd) << 16);
        return (lowerPairs.AsInt16(), upperPairs.AsInt16());
    }

    /// <summary>The eight bytes of a word, unsigned.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> WidenToInt32(ulong bytes)
    {
        Vector128<byte> lanes = Vector128.CreateScalar(bytes).AsByte();
        if (Avx2.IsSupported)
            return Avx2.ConvertToVector256Int32(lanes);
        Vector128<ushort> words = Vector128.WidenLower(lanes);
        return Vector256.Create(Vector128.WidenLower(words), Vector128.WidenUpper(words)).AsInt32();
    }

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
