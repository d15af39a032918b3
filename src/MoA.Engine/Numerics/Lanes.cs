using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace MoA.Engine.Numerics;

/// <summary>Moves between the lanes of vectors, for which .NET has no portable operations.</summary>
internal static class Lanes
{
    /// <summary>Transposes four vectors of four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Transpose(
        ref Vector128<float> a, ref Vector128<float> b, ref Vector128<float> c, ref Vector128<float> d)
    {
        Vector128<float> ab0 = ZipLower(a, b), ab1 = ZipUpper(a, b), cd0 = ZipLower(c, d), cd1 = ZipUpper(c, d);
        a = JoinLower(ab0, cd0);
        b = JoinUpper(ab0, cd0);
        c = JoinLower(ab1, cd1);
        d = JoinUpper(ab1, cd1);
    }

    /// <summary>Transposes four vectors of four in each half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Transpose(
        ref Vector256<float> a, ref Vector256<float> b, ref Vector256<float> c, ref Vector256<float> d)
    {
        if (Avx.IsSupported)
        {
            Vector256<double> ab0 = Avx.UnpackLow(a, b).AsDouble(), ab1 = Avx.UnpackHigh(a, b).AsDouble();
            Vector256<double> cd0 = Avx.UnpackLow(c, d).AsDouble(), cd1 = Avx.UnpackHigh(c, d).AsDouble();
            a = Avx.UnpackLow(ab0, cd0).AsSingle();
            b = Avx.UnpackHigh(ab0, cd0).AsSingle();
            c = Avx.UnpackLow(ab1, cd1).AsSingle();
            d = Avx.UnpackHigh(ab1, cd1).AsSingle();
            return;
        }

        Vector128<float> a0 = a.GetLower(), b0 = b.GetLower(), c0 = c.GetLower(), d0 = d.GetLower();
        Vector128<float> a1 = a.GetUpper(), b1 = b.GetUpper(), c1 = c.GetUpper(), d1 = d.GetUpper();
        Transpose(ref a0, ref b0, ref c0, ref d0);
        Transpose(ref a1, ref b1, ref c1, ref d1);
        (a, b, c, d) = (Vector256.Create(a0, a1), Vector256.Create(b0, b1), Vector256.Create(c0, c1), Vector256.Create(d0, d1));
    }

    /// <summary>Transposes four vectors of four in each quarter.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Transpose(
        ref Vector512<float> a, ref Vector512<float> b, ref Vector512<float> c, ref Vector512<float> d)
    {
        if (Avx512F.IsSupported)
        {
            Vector512<double> ab0 = Avx512F.UnpackLow(a, b).AsDouble(), ab1 = Avx512F.UnpackHigh(a, b).AsDouble();
            Vector512<double> cd0 = Avx512F.UnpackLow(c, d).AsDouble(), cd1 = Avx512F.UnpackHigh(c, d).AsDouble();
            a = Avx512F.UnpackLow(ab0, cd0).AsSingle();
            b = Avx512F.UnpackHigh(ab0, cd0).AsSingle();
            c = Avx512F.UnpackLow(ab1, cd1).AsSingle();
            d = Avx512F.UnpackHigh(ab1, cd1).AsSingle();
            return;
        }

        Vector256<float> a0 = a.GetLower(), b0 = b.GetLower(), c0 = c.GetLower(), d0 = d.GetLower();
        Vector256<float> a1 = a.GetUpper(), b1 = b.GetUpper(), c1 = c.GetUpper(), d1 = d.GetUpper();
        Transpose(ref a0, ref b0, ref c0, ref d0);
        Transpose(ref a1, ref b1, ref c1, ref d1);
        (a, b, c, d) = (Vector512.Create(a0, a1), Vector512.Create(b0, b1), Vector512.Create(c0, c1), Vector512.Create(d0, d1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipLower(Vector128<float> a, Vector128<float> b)
    {
        if (Sse.IsSupported)
            return Sse.UnpackLow(a, b);
        return AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(a, b) : Vector128.Create(a[0], b[0], a[1], b[1]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipUpper(Vector128<float> a, Vector128<float> b)
    {
        if (Sse.IsSupported)
            return Sse.UnpackHigh(a, b);
        return AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(a, b) : Vector128.Create(a[2], b[2], a[3], b[3]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> JoinLower(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.MoveLowToHigh(a, b) : Vector128.Create(a.GetLower(), b.GetLower());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> JoinUpper(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.MoveHighToLow(b, a) : Vector128.Create(a.GetUpper(), b.GetUpper());
}
