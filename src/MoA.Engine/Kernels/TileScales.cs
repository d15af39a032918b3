namespace MoA.Engine.Kernels;

/// <summary>Factors of a tile of integer sums; unused with floats.</summary>
internal readonly unsafe struct TileScales(float* rows, float* columns)
{
    /// <summary>One for each row of the tile.</summary>
    public float* Rows { get; } = rows;

    /// <summary>One for each column of the strip.</summary>
    public float* Columns { get; } = columns;
}
