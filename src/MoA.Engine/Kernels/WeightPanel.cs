using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>What all panels of weights have in common.</summary>
internal static class WeightPanel
{
    /// <summary>
    /// Products that go into a sum before it is stored: a strip of so many rows fits the first cache, and blocks of every
    /// quantised format divide it or are it.
    /// </summary>
    public const int Depth = 256;

    /// <summary>Floats of working memory that packing needs: a panel's columns, and a block more on either side.</summary>
    public const int LineFloats = 3 * 256;
}

/// <summary>
/// A panel of a stored weight as F32 in strips of <see cref="RegisterTile{TSimd,TVector}.Columns"/> output columns, each
/// [depth, columns of the strip]; columns past the edge are zero.
/// </summary>
internal static unsafe class WeightPanel<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private static int Strip
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => RegisterTile<TSimd, TVector>.Columns;
    }

    /// <summary>Lays the block of <paramref name="columns"/> × <paramref name="depth"/> out.</summary>
    /// <param name="weight">The weight.</param>
    /// <param name="firstColumn">First column.</param>
    /// <param name="columns">Columns, at most 256.</param>
    /// <param name="firstDepth">First row.</param>
    /// <param name="depth">Rows.</param>
    /// <param name="panel">Room for whole strips.</param>
    /// <param name="line">Working memory, <see cref="WeightPanel.LineFloats"/>.</param>
    [MethodImpl(JitOptions.Loop)]
    public static void Pack(
        WeightTensor weight, int firstColumn, int columns, int firstDepth, int depth, float* panel, float* line)
    {
        // Quantised rows can only be read from a block's border on.
        int block = weight.Type.ElementsPerBlock();
        int skipped = firstColumn % block;
        int count = (skipped + columns + block - 1) / block * block;
        byte* room = stackalloc byte[weight.RoomBytes(count)];
        int padded = (columns + Strip - 1) / Strip * Strip;
        float* values = line + skipped;
        for (nint d = 0; d < depth; d++)
        {
            NumberFormat<TSimd, TVector>.Widen(weight.Type, weight.Blocks(firstDepth + (int)d, firstColumn - skipped, count, room), line, count);
            for (int j = columns; j < padded; j++)
                values[j] = 0;
            for (int j = 0; j < padded; j += Strip)
                Buffer.MemoryCopy(values + j, panel + (nint)j * depth + d * Strip, Strip * 4, Strip * 4);
        }
    }
}
