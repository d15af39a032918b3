using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>The sizes of a weight in strips, and how it is laid out in them.</summary>
internal static unsafe class StripLayout<TFormat>
    where TFormat : IStripFormat
{
    /// <summary>Cells of a strip.</summary>
    public static int Cells(WeightTensor weight) => (weight.Columns + TFormat.CellColumns - 1) / TFormat.CellColumns;

    /// <summary>Bytes of a strip.</summary>
    public static nint StripBytes(WeightTensor weight, int lanes) => (nint)Cells(weight) * TFormat.CellBytes * lanes;

    /// <summary>Strips of a weight; rows that the last one lacks are zero.</summary>
    public static int Strips(WeightTensor weight, int lanes) => (weight.Rows + lanes - 1) / lanes;

    /// <summary>Lays a strip out.</summary>
    /// <param name="weight">The weight.</param>
    /// <param name="strip">Which of its strips.</param>
    /// <param name="lanes">Lanes of a vector: rows of a strip.</param>
    /// <param name="to">Room for its bytes.</param>
    public static void Write(WeightTensor weight, int strip, int lanes, byte* to)
    {
        int first = strip * lanes, present = Math.Min(lanes, weight.Rows - first), cells = Cells(weight);
        if (present < lanes)
            new Span<byte>(to, (int)StripBytes(weight, lanes)).Clear();
        nint rowBytes = (nint)weight.BytesPerRow, pieceBytes = (nint)weight.Type.RowBytes(TFormat.CellColumns);
        for (int cell = 0; cell < cells; cell++, to += TFormat.CellBytes * lanes)
        {
            byte* row = weight.Row(first) + cell * pieceBytes;
            int columns = Math.Min(TFormat.CellColumns, weight.Columns - cell * TFormat.CellColumns);
            for (int lane = 0; lane < present; lane++, row += rowBytes)
                TFormat.Interleave(row, columns, to, lane, lanes);
        }
    }
}
