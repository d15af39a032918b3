using MoA.Engine.Numerics;

namespace MoA.Gpu.Weights;

/// <summary>
/// How a weight's rows lie on a device. Blocks whose size is no multiple of 16 bytes would tear every load apart: their
/// binary16 factor moves into a plane of its own, and what is left is whole quads. Q4_K and Q5_K stay as they are; rows of
/// plain numbers are padded with zeros to whole parts. But for that padding the bytes are as many as in the file.
/// </summary>
/// <param name="Type">Format.</param>
/// <param name="Rows">Rows: outputs.</param>
/// <param name="Columns">Elements of a row: inputs.</param>
internal readonly record struct WeightLayout(ElementType Type, int Rows, int Columns)
{
    private const int QuadBytes = 16;

    /// <summary>Where a block's factor stands that moves, or -1.</summary>
    private int Factor => Type switch
    {
        ElementType.Q8_0 or ElementType.Q4_0 => 0,
        ElementType.Q6_K => BlockQ6K.Factor,
        _ => -1,
    };

    private int ElementsPerBlock => Type.IsQuantized() ? Type.ElementsPerBlock() : 8;

    private int BytesPerBlock => Type.IsQuantized() ? Type.BytesPerBlock() : 8 * Type.BytesPerBlock();

    private int BodyBytes => BytesPerBlock - (Factor < 0 ? 0 : 2);

    /// <summary>Blocks of a row.</summary>
    public int BlocksPerRow => (Columns + ElementsPerBlock - 1) / ElementsPerBlock;

    /// <summary>Quads of all rows.</summary>
    public long Quads => (long)Rows * BlocksPerRow * (BodyBytes / QuadBytes);

    /// <summary>Factors in the plane of all rows.</summary>
    public long Factors => Factor < 0 ? 0 : (long)Rows * BlocksPerRow;

    /// <summary>Lays out rows of the file.</summary>
    /// <param name="rows">The first of them; dense.</param>
    /// <param name="count">How many.</param>
    /// <param name="quads">Room for their part of the quads, cleared.</param>
    /// <param name="factors">Room for their part of the factors.</param>
    public void Arrange(ReadOnlySpan<byte> rows, int count, Span<byte> quads, Span<ushort> factors)
    {
        int rowBytes = (int)Type.RowBytes(Columns), blockBytes = BytesPerBlock, body = BodyBytes, factor = Factor;
        for (int row = 0; row < count; row++)
        {
            ReadOnlySpan<byte> from = rows.Slice(row * rowBytes, rowBytes);
            Span<byte> to = quads.Slice(row * BlocksPerRow * body, BlocksPerRow * body);
            if (factor < 0)
            {
                from.CopyTo(to);
                continue;
            }

            for (int block = 0; block < BlocksPerRow; block++)
            {
                ReadOnlySpan<byte> stored = from.Slice(block * blockBytes, blockBytes);
                factors[row * BlocksPerRow + block] = BitConverter.ToUInt16(stored[factor..]);
                stored[..factor].CopyTo(to[(block * body)..]);
                stored[(factor + 2)..].CopyTo(to[(block * body + factor)..]);
            }
        }
    }
}
