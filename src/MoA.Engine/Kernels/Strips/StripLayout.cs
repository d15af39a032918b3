using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>
/// A weight in strips: rows of a strip stand in the lanes of a vector, blocks of them side by side in cells. A cell is the
/// format's factors, where it has one beside the other bytes, then four bytes of every row at a time.
/// </summary>
internal static unsafe class StripLayout<TSimd, TVector, TFormat>
    where TSimd : ISimd<TVector>
    where TVector : struct
    where TFormat : IStripFormat
{
    // Bytes of a row that are asked for before they are read.
    private const int Ahead = 512;

    /// <summary>Bytes of a cell.</summary>
    public static int CellBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (TFormat.QuadBytes + (TFormat.FactorAt < 0 ? 0 : TFormat.FactorBytes)) * TSimd.Width;
    }

    /// <summary>Bytes of a strip.</summary>
    public static nint StripBytes(WeightTensor weight) => (nint)Cells(weight) * CellBytes;

    /// <summary>Strips of a weight; rows that the last one lacks are zero.</summary>
    public static int Strips(WeightTensor weight) => (weight.Rows + TSimd.Width - 1) / TSimd.Width;

    /// <summary>Lays a strip out.</summary>
    /// <param name="weight">The weight.</param>
    /// <param name="strip">Which of its strips.</param>
    /// <param name="to">Room for its bytes.</param>
    [MethodImpl(JitOptions.Loop)]
    public static void Write(WeightTensor weight, int strip, byte* to)
    {
        nint rowBytes = (nint)weight.BytesPerRow, stride = weight.Step * rowBytes, blockBytes = (nint)weight.Type.RowBytes(TFormat.CellColumns);
        int present = Math.Min(TSimd.Width, weight.Rows - strip * TSimd.Width), cells = Cells(weight);
        byte* padded = stackalloc byte[TSimd.Width * (int)blockBytes];
        if (weight.Exponents is not null)
        {
            WriteApart(weight, strip, present, padded, to);
            return;
        }

        byte* rows = weight.Row(strip * TSimd.Width);
        for (int cell = 0; cell < cells; cell++, rows += blockBytes, to += CellBytes)
        {
            nint at = cell * blockBytes, left = rowBytes - at;
            // As many streams as lanes are more than the hardware follows: ask once for each line.
            if (at % Memory.LineBytes < blockBytes)
            {
                for (int lane = 0; lane < present; lane++)
                    Memory.Prefetch(rows + lane * stride + Ahead);
            }

            if (present == TSimd.Width && left >= blockBytes)
            {
                WriteCell(rows, stride, to);
                continue;
            }

            new Span<byte>(padded, TSimd.Width * (int)blockBytes).Clear();
            for (int lane = 0; lane < present; lane++)
                Unsafe.CopyBlockUnaligned(padded + lane * blockBytes, rows + lane * stride, (uint)Math.Min(left, blockBytes));
            WriteCell(padded, blockBytes, to);
        }
    }

    // Of a weight whose blocks stand in two places, each is put together first.
    private static void WriteApart(WeightTensor weight, int strip, int present, byte* blocks, byte* to)
    {
        int blockBytes = (int)weight.Type.RowBytes(TFormat.CellColumns), cells = Cells(weight);
        new Span<byte>(blocks, TSimd.Width * blockBytes).Clear();
        for (int cell = 0; cell < cells; cell++, to += CellBytes)
        {
            for (int lane = 0; lane < present; lane++)
                weight.Blocks(strip * TSimd.Width + lane, cell * TFormat.CellColumns, TFormat.CellColumns, blocks + lane * blockBytes);
            WriteCell(blocks, blockBytes, to);
        }
    }

    private static int Cells(WeightTensor weight) => (weight.Columns + TFormat.CellColumns - 1) / TFormat.CellColumns;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteCell(byte* rows, nint rowBytes, byte* cell)
    {
        if (TFormat.FactorAt >= 0)
        {
            for (nint lane = 0; lane < TSimd.Width; lane++)
            {
                byte* factor = rows + lane * rowBytes + TFormat.FactorAt;
                if (TFormat.FactorBytes == sizeof(ushort))
                    ((ushort*)cell)[lane] = *(ushort*)factor;
                else
                    cell[lane] = *factor;
            }
        }

        float* quads = (float*)(cell + CellBytes - TFormat.QuadBytes * TSimd.Width);
        nint at = 0;
        for (; at <= TFormat.QuadBytes - 16; at += 16, quads += 4 * TSimd.Width)
            TSimd.StoreColumns(rows + TFormat.QuadsAt + at, rowBytes, quads, TSimd.Width);
        for (; at < TFormat.QuadBytes; at += 4, quads += TSimd.Width)
        {
            for (nint lane = 0; lane < TSimd.Width; lane++)
                quads[lane] = *(float*)(rows + lane * rowBytes + TFormat.QuadsAt + at);
        }
    }
}
