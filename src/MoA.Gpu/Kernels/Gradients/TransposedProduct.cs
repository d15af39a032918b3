using ILGPU;
using MoA.Gpu.Weights;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>
/// x (+)= y·W, the gradient of y = x·W': a group of threads a tile of 64 rows and 64 columns, for which it widens the weight's
/// columns slice by slice. Sums in F32. Any number of rows.
/// </summary>
internal struct TransposedProduct<TFormat> : IDeviceKernel
    where TFormat : struct, IDeviceFormat
{
    public DeviceWeight Weight;

    /// <summary>[rows, weight rows] floats, padded to whole octets.</summary>
    public InputRows OutputGradient;

    /// <summary>[rows, weight columns] floats, padded to whole octets.</summary>
    public ArrayView<Quad> InputGradient;

    /// <summary>Quads of a row of the input gradient.</summary>
    public int Quads;

    /// <summary>1 to add to what stands there, 0 to replace it.</summary>
    public int Accumulate;

    /// <summary>Groups of a launch.</summary>
    public readonly long Tiles => (long)RowTiles * ((Quads + QuadsPerTile - 1) / QuadsPerTile);

    private const int QuadsPerTile = ProductTile.Size / 4;

    private readonly int RowTiles => (OutputGradient.Rows + ProductTile.Size - 1) / ProductTile.Size;

    /// <inheritdoc/>
    public readonly void Run()
    {
        // Neighbours share the weight's columns.
        int row = Grid.IdxX % RowTiles * ProductTile.Size, quad = Grid.IdxX / RowTiles * QuadsPerTile;
        int rows = OutputGradient.Rows - row, stride = 2 * OutputGradient.Octets;
        ProductTile tile = ProductTile.Start();
        for (int k = 0; k < Weight.Rows; k += ProductTile.Depth)
        {
            ProductTile.FillAlong(tile.Left, OutputGradient.X, (long)row * stride, stride, k / 4, stride, rows);
            FillWeights(tile.Right, k, 4 * quad);
            tile.Multiply();
        }

        tile.Store(new TileTarget
        {
            Y = InputGradient,
            First = (long)row * Quads + quad,
            Stride = Quads,
            Rows = rows,
            Quads = Quads - quad,
            Accumulate = Accumulate,
        });
    }

    // slice[k, i] = weight[from + k, column + i]. A span may be wider than the tile: then the sink drops what lies outside.
    private readonly void FillWeights(ArrayView<Quad> slice, int from, int column)
    {
        int firstPart = column / TFormat.Span * TFormat.Span / TFormat.NumbersPerPart, rowParts = Weight.BlocksPerRow * TFormat.PartsPerBlock;
        int parts = Math.Max(ProductTile.Size, TFormat.Span) / TFormat.NumbersPerPart;
        SliceRow sink = new() { Slice = slice, FirstOctet = column / 8 };
        for (int i = Group.IdxX; i < ProductTile.Depth * parts; i += ProductTile.ThreadsPerGroup)
        {
            // Columns that do not exist are not stored: anything may stand for them. Rows that do not exist count for nothing.
            sink.Row = i / parts;
            int row = from + sink.Row, part = Math.Min(firstPart + i % parts, rowParts - 1);
            sink.Factor = row < Weight.Rows ? 1f : 0f;
            TFormat.Read(Weight, Math.Min(row, Weight.Rows - 1), part, ref sink);
        }
    }

    private struct SliceRow : IOctetSink
    {
        public ArrayView<Quad> Slice;

        public int FirstOctet, Row;

        public float Factor;

        public readonly void Take(Octet numbers, int octet)
        {
            int i = octet - FirstOctet;
            if (i >= 0 && i < ProductTile.Size / 8)
                numbers.Times(Factor).Store(Slice, Row * (ProductTile.Size / 4) + 2 * i);
        }
    }
}
