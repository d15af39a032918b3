using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// The one inner loop of all matrix products: C[rows, 2·Width] (+)= A[rows, k] · B[k, 2·Width], with A read by
/// broadcasting single elements and B by whole vectors. Six rows by two vectors keep twelve accumulators in registers,
/// enough to hide the latency of the fused multiply-add.
/// </summary>
internal static unsafe class MicroKernel<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>Columns of C that one call computes.</summary>
    public static int Columns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2 * TSimd.Width;
    }

    /// <summary>Computes <paramref name="rows"/> rows of C, any number.</summary>
    /// <param name="a">A, row-major with <paramref name="lda"/> elements between rows.</param>
    /// <param name="lda">Elements between rows of A.</param>
    /// <param name="b">B, <paramref name="ldb"/> elements between rows.</param>
    /// <param name="ldb">Elements between rows of B.</param>
    /// <param name="c">C, <paramref name="ldc"/> elements between rows.</param>
    /// <param name="ldc">Elements between rows of C.</param>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="k">Columns of A and rows of B.</param>
    /// <param name="accumulate">Whether to add to C rather than to overwrite it.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(
        float* a, nint lda, float* b, nint ldb, float* c, nint ldc, int rows, int k, bool accumulate)
    {
        int row = 0;
        for (; row <= rows - 6; row += 6)
            SixRows(a + row * lda, lda, b, ldb, c + row * ldc, ldc, k, accumulate);
        for (; row <= rows - 2; row += 2)
            TwoRows(a + row * lda, lda, b, ldb, c + row * ldc, ldc, k, accumulate);
        if (row < rows)
            OneRow(a + row * lda, b, ldb, c + row * ldc, k, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SixRows(float* a, nint lda, float* b, nint ldb, float* c, nint ldc, int k, bool accumulate)
    {
        float* a1 = a + lda, a2 = a1 + lda, a3 = a2 + lda, a4 = a3 + lda, a5 = a4 + lda;
        TVector c00 = TSimd.Zero, c01 = TSimd.Zero, c10 = TSimd.Zero, c11 = TSimd.Zero, c20 = TSimd.Zero, c21 = TSimd.Zero;
        TVector c30 = TSimd.Zero, c31 = TSimd.Zero, c40 = TSimd.Zero, c41 = TSimd.Zero, c50 = TSimd.Zero, c51 = TSimd.Zero;
        for (nint i = 0; i < k; i++)
        {
            TVector b0 = TSimd.Load(b);
            TVector b1 = TSimd.Load(b + TSimd.Width);
            TVector x = TSimd.Broadcast(a[i]);
            c00 = TSimd.MultiplyAdd(x, b0, c00);
            c01 = TSimd.MultiplyAdd(x, b1, c01);
            x = TSimd.Broadcast(a1[i]);
            c10 = TSimd.MultiplyAdd(x, b0, c10);
            c11 = TSimd.MultiplyAdd(x, b1, c11);
            x = TSimd.Broadcast(a2[i]);
            c20 = TSimd.MultiplyAdd(x, b0, c20);
            c21 = TSimd.MultiplyAdd(x, b1, c21);
            x = TSimd.Broadcast(a3[i]);
            c30 = TSimd.MultiplyAdd(x, b0, c30);
            c31 = TSimd.MultiplyAdd(x, b1, c31);
            x = TSimd.Broadcast(a4[i]);
            c40 = TSimd.MultiplyAdd(x, b0, c40);
            c41 = TSimd.MultiplyAdd(x, b1, c41);
            x = TSimd.Broadcast(a5[i]);
            c50 = TSimd.MultiplyAdd(x, b0, c50);
            c51 = TSimd.MultiplyAdd(x, b1, c51);
            b += ldb;
        }

        StoreRow(c, c00, c01, accumulate);
        StoreRow(c + ldc, c10, c11, accumulate);
        StoreRow(c + 2 * ldc, c20, c21, accumulate);
        StoreRow(c + 3 * ldc, c30, c31, accumulate);
        StoreRow(c + 4 * ldc, c40, c41, accumulate);
        StoreRow(c + 5 * ldc, c50, c51, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TwoRows(float* a, nint lda, float* b, nint ldb, float* c, nint ldc, int k, bool accumulate)
    {
        float* a1 = a + lda;
        TVector c00 = TSimd.Zero, c01 = TSimd.Zero, c10 = TSimd.Zero, c11 = TSimd.Zero;
        TVector d00 = TSimd.Zero, d01 = TSimd.Zero, d10 = TSimd.Zero, d11 = TSimd.Zero;
        nint i = 0;
        // Two independent sums over even and odd k: four chains alone would wait for each other.
        for (; i < k - 1; i += 2)
        {
            TVector b0 = TSimd.Load(b);
            TVector b1 = TSimd.Load(b + TSimd.Width);
            TVector x = TSimd.Broadcast(a[i]);
            c00 = TSimd.MultiplyAdd(x, b0, c00);
            c01 = TSimd.MultiplyAdd(x, b1, c01);
            x = TSimd.Broadcast(a1[i]);
            c10 = TSimd.MultiplyAdd(x, b0, c10);
            c11 = TSimd.MultiplyAdd(x, b1, c11);
            b += ldb;
            b0 = TSimd.Load(b);
            b1 = TSimd.Load(b + TSimd.Width);
            x = TSimd.Broadcast(a[i + 1]);
            d00 = TSimd.MultiplyAdd(x, b0, d00);
            d01 = TSimd.MultiplyAdd(x, b1, d01);
            x = TSimd.Broadcast(a1[i + 1]);
            d10 = TSimd.MultiplyAdd(x, b0, d10);
            d11 = TSimd.MultiplyAdd(x, b1, d11);
            b += ldb;
        }

        if (i < k)
        {
            TVector b0 = TSimd.Load(b);
            TVector b1 = TSimd.Load(b + TSimd.Width);
            c00 = TSimd.MultiplyAdd(TSimd.Broadcast(a[i]), b0, c00);
            c01 = TSimd.MultiplyAdd(TSimd.Broadcast(a[i]), b1, c01);
            c10 = TSimd.MultiplyAdd(TSimd.Broadcast(a1[i]), b0, c10);
            c11 = TSimd.MultiplyAdd(TSimd.Broadcast(a1[i]), b1, c11);
        }

        StoreRow(c, TSimd.Add(c00, d00), TSimd.Add(c01, d01), accumulate);
        StoreRow(c + ldc, TSimd.Add(c10, d10), TSimd.Add(c11, d11), accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneRow(float* a, float* b, nint ldb, float* c, int k, bool accumulate)
    {
        TVector c0 = TSimd.Zero, c1 = TSimd.Zero, d0 = TSimd.Zero, d1 = TSimd.Zero;
        nint i = 0;
        for (; i < k - 1; i += 2)
        {
            TVector x = TSimd.Broadcast(a[i]);
            c0 = TSimd.MultiplyAdd(x, TSimd.Load(b), c0);
            c1 = TSimd.MultiplyAdd(x, TSimd.Load(b + TSimd.Width), c1);
            b += ldb;
            x = TSimd.Broadcast(a[i + 1]);
            d0 = TSimd.MultiplyAdd(x, TSimd.Load(b), d0);
            d1 = TSimd.MultiplyAdd(x, TSimd.Load(b + TSimd.Width), d1);
            b += ldb;
        }

        if (i < k)
        {
            c0 = TSimd.MultiplyAdd(TSimd.Broadcast(a[i]), TSimd.Load(b), c0);
            c1 = TSimd.MultiplyAdd(TSimd.Broadcast(a[i]), TSimd.Load(b + TSimd.Width), c1);
        }

        StoreRow(c, TSimd.Add(c0, d0), TSimd.Add(c1, d1), accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow(float* c, TVector c0, TVector c1, bool accumulate)
    {
        if (accumulate)
        {
            c0 = TSimd.Add(c0, TSimd.Load(c));
            c1 = TSimd.Add(c1, TSimd.Load(c + TSimd.Width));
        }

        TSimd.Store(c, c0);
        TSimd.Store(c + TSimd.Width, c1);
    }
}
