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

    private static Vector128<int> MultiplyAddPairs(Vector128<short> a, Vector128<short> b)
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
