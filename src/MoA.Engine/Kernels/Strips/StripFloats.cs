using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>Plain numbers: a cell is eight columns. Activations are multiplied as they are.</summary>
internal readonly unsafe struct StripFloats<TColumns> : IStripFormat
    where TColumns : IStripColumns
{
    private const int Columns = 8;

    public static int CellColumns => Columns;

    public static int QuadBytes => Columns * TColumns.Size;

    public static int QuadsAt => 0;

    public static int FactorAt => -1;

    public static int GroupColumns => Columns;

    public static int UnitBytes => Columns * sizeof(float);

    public static void Round(float* x, byte* unit) => Buffer.MemoryCopy(x, unit, UnitBytes, UnitBytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGroup<TSimd, TVector>(byte* cell, int group, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TColumns.LoadTwo<TSimd, TVector>(cell, 0, out TVector w0, out TVector w1);
        TColumns.LoadTwo<TSimd, TVector>(cell, 1, out TVector w2, out TVector w3);
        TColumns.LoadTwo<TSimd, TVector>(cell, 2, out TVector w4, out TVector w5);
        TColumns.LoadTwo<TSimd, TVector>(cell, 3, out TVector w6, out TVector w7);
        float* a = (float*)units;
        for (float* end = a + rows * Columns; a < end; a += Columns, sums += TSimd.Width)
        {
            // What was there is added last: the next cell waits for no more than that.
            TVector s0 = TSimd.Multiply(w0, TSimd.Broadcast(a[0]));
            TVector s1 = TSimd.Multiply(w1, TSimd.Broadcast(a[1]));
            s0 = TSimd.MultiplyAdd(w2, TSimd.Broadcast(a[2]), s0);
            s1 = TSimd.MultiplyAdd(w3, TSimd.Broadcast(a[3]), s1);
            s0 = TSimd.MultiplyAdd(w4, TSimd.Broadcast(a[4]), s0);
            s1 = TSimd.MultiplyAdd(w5, TSimd.Broadcast(a[5]), s1);
            s0 = TSimd.MultiplyAdd(w6, TSimd.Broadcast(a[6]), s0);
            s1 = TSimd.MultiplyAdd(w7, TSimd.Broadcast(a[7]), s1);
            TSimd.Store(sums, TSimd.Add(TSimd.Load(sums), TSimd.Add(s0, s1)));
        }
    }

    public static bool TakesTwo<TSimd, TVector>()
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.Width == 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGroupOfTwo<TSimd, TVector>(byte* cell, byte* other, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TColumns.LoadTwo<TSimd, TVector>(cell, 0, out TVector w0, out TVector w1);
        TColumns.LoadTwo<TSimd, TVector>(cell, 1, out TVector w2, out TVector w3);
        TColumns.LoadTwo<TSimd, TVector>(cell, 2, out TVector w4, out TVector w5);
        TColumns.LoadTwo<TSimd, TVector>(cell, 3, out TVector w6, out TVector w7);
        TColumns.LoadTwo<TSimd, TVector>(other, 0, out TVector v0, out TVector v1);
        TColumns.LoadTwo<TSimd, TVector>(other, 1, out TVector v2, out TVector v3);
        TColumns.LoadTwo<TSimd, TVector>(other, 2, out TVector v4, out TVector v5);
        TColumns.LoadTwo<TSimd, TVector>(other, 3, out TVector v6, out TVector v7);
        float* a = (float*)units;
        for (float* end = a + rows * Columns; a < end; a += Columns, sums += 2 * TSimd.Width)
        {
            TVector x = TSimd.Broadcast(a[0]);
            TVector s0 = TSimd.Multiply(w0, x), t0 = TSimd.Multiply(v0, x);
            x = TSimd.Broadcast(a[1]);
            TVector s1 = TSimd.Multiply(w1, x), t1 = TSimd.Multiply(v1, x);
            x = TSimd.Broadcast(a[2]);
            s0 = TSimd.MultiplyAdd(w2, x, s0);
            t0 = TSimd.MultiplyAdd(v2, x, t0);
            x = TSimd.Broadcast(a[3]);
            s1 = TSimd.MultiplyAdd(w3, x, s1);
            t1 = TSimd.MultiplyAdd(v3, x, t1);
            x = TSimd.Broadcast(a[4]);
            s0 = TSimd.MultiplyAdd(w4, x, s0);
            t0 = TSimd.MultiplyAdd(v4, x, t0);
            x = TSimd.Broadcast(a[5]);
            s1 = TSimd.MultiplyAdd(w5, x, s1);
            t1 = TSimd.MultiplyAdd(v5, x, t1);
            x = TSimd.Broadcast(a[6]);
            s0 = TSimd.MultiplyAdd(w6, x, s0);
            t0 = TSimd.MultiplyAdd(v6, x, t0);
            x = TSimd.Broadcast(a[7]);
            s1 = TSimd.MultiplyAdd(w7, x, s1);
            t1 = TSimd.MultiplyAdd(v7, x, t1);
            TSimd.Store(sums, TSimd.Add(TSimd.Load(sums), TSimd.Add(s0, s1)));
            TSimd.Store(sums + TSimd.Width, TSimd.Add(TSimd.Load(sums + TSimd.Width), TSimd.Add(t0, t1)));
        }
    }
}
