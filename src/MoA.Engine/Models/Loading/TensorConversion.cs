using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>Writes a weight in another format or order, a few megabytes at a time.</summary>
internal sealed unsafe class TensorConversion(WeightTensor source, ElementType type, ParallelOptions parallel)
{
    /// <summary>About the bytes that are converted at a time.</summary>
    public const int PieceBytes = 8 << 20;

    /// <summary>Components of a head if the rows are to turn from halves into adjacent pairs; 0 keeps their order.</summary>
    public int PairedHeadSize { get; init; }

    // A vector that is paired has its elements in the place of rows.
    private bool IsPairedVector => PairedHeadSize > 0 && source.Rows == 1;

    /// <summary>Writes all rows.</summary>
    /// <exception cref="InvalidInputException">A number is beyond the range of the format.</exception>
    public void Write(Stream file)
    {
        int rows = IsPairedVector ? source.Columns : source.Rows;
        int columns = IsPairedVector ? 1 : source.Columns;
        int rowBytes = checked((int)type.RowBytes(columns));
        int rowsOfPiece = Math.Clamp(PieceBytes / rowBytes, 1, rows);
        byte[] piece = new byte[rowsOfPiece * rowBytes];
        fixed (byte* bytes = piece)
        {
            nint first = (nint)bytes;
            for (int start = 0; start < rows; start += rowsOfPiece)
            {
                int from = start, count = Math.Min(rowsOfPiece, rows - start);
                int slices = Math.Min(count, 64);
                Parallel.For(0, slices, parallel, slice =>
                {
                    float[] scratch = new float[columns + source.RoomBytes(columns) / sizeof(float) + 1];
                    int end = (int)((long)count * (slice + 1) / slices);
                    fixed (float* numbers = scratch)
                    {
                        for (int row = (int)((long)count * slice / slices); row < end; row++)
                            WriteRow(SourceRow(from + row), columns, numbers, (byte*)first + (nint)row * rowBytes);
                    }
                });
                RefuseNonFinite(bytes, start, count, columns);
                file.Write(piece, 0, count * rowBytes);
            }
        }
    }

    private void WriteRow(int row, int columns, float* numbers, byte* destination)
    {
        byte* from = IsPairedVector ? (byte*)source.Data + row * source.Type.RowBytes(1) : source.Blocks(row, 0, columns, (byte*)(numbers + columns));
        if (source.Type == type)
        {
            long bytes = type.RowBytes(columns);
            Buffer.MemoryCopy(from, destination, bytes, bytes);
            return;
        }

        Quantization.Dequantize(source.Type, from, numbers, columns);
        Quantization.Quantize(numbers, type, destination, columns);
    }

    // Row 2f of a head comes from its row f, row 2f + 1 from its row f + d/2.
    private int SourceRow(int row)
    {
        if (PairedHeadSize == 0)
            return row;
        (int head, int component) = Math.DivRem(row, PairedHeadSize);
        return head * PairedHeadSize + component / 2 + (component % 2 == 0 ? 0 : PairedHeadSize / 2);
    }

    private void RefuseNonFinite(byte* bytes, int start, int rows, int columns)
    {
        if (type is ElementType.F32 or ElementType.BF16 || source.Type == type)
            return;
        WeightTensor written = new(source.Name, type, rows, columns, bytes);
        if (WeightScan.Of([written], parallel).NonFinite is (_, long position))
        {
            throw new InvalidInputException($"tensor {source.Name} has a number in row {start + position / columns} that is " +
                $"beyond the range of {type.Name()}; choose bf16");
        }
    }
}
