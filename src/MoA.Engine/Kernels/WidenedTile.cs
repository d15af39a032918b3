using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>Rows of any format, widened to floats once for all heads.</summary>
internal readonly unsafe struct WidenedTile<TSimd, TVector> : IDecodeTile
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private readonly ElementType _type;
    private readonly int _size;
    private readonly int _bytesPerRow;
    private readonly float* _widened;
    private readonly DecodeTile<TSimd, TVector, RowPairsF32> _tile;

    public WidenedTile(ElementType type, float* queries, float* widened, int size, int scoreStride)
    {
        _type = type;
        _size = size;
        _bytesPerRow = (int)type.RowBytes(size);
        _widened = widened;
        _tile = new DecodeTile<TSimd, TVector, RowPairsF32>(queries, size, scoreStride);
    }

    /// <inheritdoc/>
    public void SetQuery(int head, float* query, float scale) => _tile.SetQuery(head, query, scale);

    /// <inheritdoc/>
    public void Score(int head, int heads, byte* keys, int rows, float* scores, Prefetch next)
    {
        if (head == 0)
            Widen(keys, rows);
        _tile.Score(head, heads, (byte*)_widened, rows, scores, next);
    }

    /// <inheritdoc/>
    public void AddWeighted(int head, int heads, float* weights, byte* values, int rows, float* outputs, Prefetch next)
    {
        if (head == 0)
            Widen(values, rows);
        _tile.AddWeighted(head, heads, weights, (byte*)_widened, rows, outputs, next);
    }

    /// <inheritdoc/>
    public void WriteOutput(float* output, float* to, float scale) => _tile.WriteOutput(output, to, scale);

    private void Widen(byte* rows, int count)
    {
        for (int row = 0; row < count; row++)
            NumberFormat<TSimd, TVector>.Widen(_type, rows + (nint)row * _bytesPerRow, _widened + (nint)row * _size, _size);
    }
}
