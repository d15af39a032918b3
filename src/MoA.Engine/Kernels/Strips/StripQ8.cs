using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>Q8_0: eight quads of signed bytes.</summary>
internal readonly unsafe struct StripQ8 : IStripFormat
{
    public static int CellColumns => 32;

    public static int QuadBytes => 32;

    public static int QuadsAt => 2;

    public static int FactorAt => 0;

    public static int GroupColumns => 32;

    public static int UnitBytes => ShortUnit.Bytes;

    public static void Round(float* x, byte* unit) => ShortUnit.Round(x, unit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGroup<TSimd, TVector>(byte* cell, int group, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        float* quads = (float*)(cell + 2 * TSimd.Width);
        ShortUnit.Add<TSimd, TVector>(
            TSimd.Load(quads), TSimd.Load(quads + TSimd.Width), TSimd.Load(quads + 2 * TSimd.Width), TSimd.Load(quads + 3 * TSimd.Width),
            TSimd.Load(quads + 4 * TSimd.Width), TSimd.Load(quads + 5 * TSimd.Width), TSimd.Load(quads + 6 * TSimd.Width), TSimd.Load(quads + 7 * TSimd.Width),
            TSimd.LoadF16((ushort*)cell), units, rows, sums);
    }
}
