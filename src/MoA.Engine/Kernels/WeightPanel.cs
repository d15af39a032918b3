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
}

/// <summary>
/// A panel of a stored weight as F32 in strips of <see cref="RegisterTile{TSimd,TVector,TProduct}.Columns"/> output columns, each
/// [depth, columns of the strip]; columns past the edge are zero.
/// </summary>
internal static unsafe class WeightPanel<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    // A panel's products of a row, or a block of the format, whichever is longer.
    private const int LargestBlock = 256;

    // Floats between lines: not a power of two, so that lines do not push each other out of the first cache.
    private const int Stride = WeightPanel.Depth + 16;

    private static int Strip
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => RegisterTile<TSimd, TVector, FloatProduct>.Columns;
    }

    /// <summary>Floats of working memory that packing needs.</summary>
    public static int LineFloats => Math.Max(Strip * Stride, 2 * LargestBlock);

    /// <summary>Lays out the block of <paramref name="columns"/> × <paramref name="depth"/>.</summary>
    /// <param name="weight">The weight.</param>
    /// <param name="operand">Whether its rows are output columns or depth.</param>
    /// <param name="firstColumn">First output column.</param>
    /// <param name="columns">Output columns, at most 256.</param>
    /// <param name="firstDepth">A multiple of 256.</param>
    /// <param name="depth">At most 256.</param>
    /// <param name="panel">Room for whole strips.</param>
    /// <param name="lines">Working memory.</param>
    public static void Pack(
        WeightTensor weight, MatrixOperand operand, int firstColumn, int columns, int firstDepth, int depth,
        float* panel, float* lines)
    {
        if (operand == MatrixOperand.AsStored)
        {
            PackAsStored(weight, firstColumn, columns, firstDepth, depth, panel, lines);
            return;
        }

        nint offset = (nint)weight.Type.RowBytes(firstDepth), bytes = (nint)weight.Type.RowBytes(depth);
        for (int column = 0; column < columns; column += Strip, panel += (nint)Strip * depth)
        {
            int present = Math.Min(Strip, columns - column);
            for (int j = 0; j < present; j++)
            {
                byte* row = weight.Row(firstColumn + column + j) + offset;
                Memory.Prefetch(row + bytes, (int)bytes); // of the next panel: short pieces far apart, which no hardware foresees
                NumberFormat<TSimd, TVector>.Widen(weight.Type, row, lines + (nint)j * Stride, depth);
            }

            new Span<float>(lines + (nint)present * Stride, (Strip - present) * Stride).Clear();
            Transpose(lines, Stride, depth, panel);
        }
    }

    /// <summary>
    /// Lays the block out as pairs of 16-bit integers, [depth/2, columns of the strip], for a weight whose rows are output
    /// columns.
    /// </summary>
    /// <param name="weight">A quantised weight.</param>
    /// <param name="firstColumn">First output column.</param>
    /// <param name="columns">Output columns.</param>
    /// <param name="firstDepth">A multiple of 256.</param>
    /// <param name="depth">A multiple of 32, at most 256.</param>
    /// <param name="panel">Room for whole strips.</param>
    /// <param name="scales">One for each column of whole strips.</param>
    /// <param name="lines">Working memory.</param>
    public static void PackPairs(
        WeightTensor weight, int firstColumn, int columns, int firstDepth, int depth, float* panel, float* scales,
        float* lines)
    {
        float* values = stackalloc float[WeightPanel.Depth];
        nint offset = (nint)weight.Type.RowBytes(firstDepth), bytes = (nint)weight.Type.RowBytes(depth);
        int length = depth / 2;
        for (int column = 0; column < columns; column += Strip, panel += (nint)Strip * length, scales += Strip)
        {
            int present = Math.Min(Strip, columns - column);
            for (int j = 0; j < present; j++)
            {
                byte* row = weight.Row(firstColumn + column + j) + offset;
                Memory.Prefetch(row + bytes, (int)bytes); // of the next panel: short pieces far apart, which no hardware foresees
                NumberFormat<TSimd, TVector>.Widen(weight.Type, row, values, depth);
                scales[j] = ShortRow.Quantize(values, depth, PairProduct.LargestWeight, (short*)(lines + (nint)j * Stride));
            }

            new Span<float>(lines + (nint)present * Stride, (Strip - present) * Stride).Clear();
            new Span<float>(scales + present, Strip - present).Clear();
            Transpose(lines, Stride, length, panel);
        }
    }

    // Rows of depth become columns of the strip, four columns at a time in registers.
    [MethodImpl(JitOptions.Loop)]
    private static void Transpose(float* rows, nint stride, int depth, float* strip)
    {
        int width = Strip;
        int transposed = TSimd.Width > 1 ? depth / 4 * 4 : 0;
        for (int j = 0; j < width; j += TSimd.Width)
        {
            for (nint d = 0; d < transposed; d += 4)
                TSimd.StoreColumns((byte*)(rows + j * stride + d), stride * sizeof(float), strip + d * width + j, width);
        }

        for (nint d = transposed; d < depth; d++)
        {
            for (int j = 0; j < width; j++)
                strip[d * width + j] = rows[j * stride + d];
        }
    }

    // Stored rows run along the columns; quantised ones can only be read from a block's border on.
    [MethodImpl(JitOptions.Loop)]
    private static void PackAsStored(
        WeightTensor weight, int firstColumn, int columns, int firstDepth, int depth, float* panel, float* line)
    {
        int block = weight.Type.ElementsPerBlock();
        int skipped = firstColumn % block;
        int count = (skipped + columns + block - 1) / block * block;
        nint offset = (nint)weight.Type.RowBytes(firstColumn - skipped);
        int padded = (columns + Strip - 1) / Strip * Strip;
        float* values = line + skipped;
        for (nint d = 0; d < depth; d++)
        {
            NumberFormat<TSimd, TVector>.Widen(weight.Type, weight.Row(firstDepth + (int)d) + offset, line, count);
            for (int j = columns; j < padded; j++)
                values[j] = 0;
            for (int j = 0; j < padded; j += Strip)
                Buffer.MemoryCopy(values + j, panel + (nint)j * depth + d * Strip, Strip * 4, Strip * 4);
        }
    }
}
