using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>How eight columns of plain numbers stand in a cell.</summary>
internal unsafe interface IStripColumns
{
    /// <summary>Bytes of a number.</summary>
    static abstract int Size { get; }

    /// <summary>Widens columns 2·<paramref name="pair"/> and the next.</summary>
    static abstract void LoadTwo<TSimd, TVector>(byte* cell, int pair, out TVector first, out TVector second)
        where TSimd : ISimd<TVector>
        where TVector : struct;
}

/// <summary>bfloat16: two columns to a lane, since either half of it widens with one instruction.</summary>
internal readonly unsafe struct ColumnsBF16 : IStripColumns
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadTwo<TSimd, TVector>(byte* cell, int pair, out TVector first, out TVector second)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.LoadBF16Pairs((ushort*)cell + 2 * TSimd.Width * pair, out first, out second);
}

/// <summary>Binary16: two columns to a lane.</summary>
internal readonly unsafe struct ColumnsF16 : IStripColumns
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadTwo<TSimd, TVector>(byte* cell, int pair, out TVector first, out TVector second)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector halves = TSimd.Load((float*)cell + TSimd.Width * pair);
        first = TSimd.LowerF16(halves);
        second = TSimd.UpperF16(halves);
    }
}

/// <summary>Binary32, a column after the other.</summary>
internal readonly unsafe struct ColumnsF32 : IStripColumns
{
    public static int Size => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadTwo<TSimd, TVector>(byte* cell, int pair, out TVector first, out TVector second)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        float* columns = (float*)cell + 2 * TSimd.Width * pair;
        first = TSimd.Load(columns);
        second = TSimd.Load(columns + TSimd.Width);
    }
}
