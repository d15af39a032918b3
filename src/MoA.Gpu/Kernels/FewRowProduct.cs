using MoA.Gpu.Weights;

namespace MoA.Gpu.Kernels;

/// <summary>
/// y (+)= x·W' for few rows of x: a warp multiplies one row of the weight, which it reads once, with up to
/// <c>TRows.Count</c> rows of inputs; more rows are more warps, neighbours of the first, so that the second reading of the
/// weight comes from the cache. Sums in F32, in an order that depends on the shape alone.
/// </summary>
internal struct FewRowProduct<TFormat, TRows> : IDeviceKernel
    where TFormat : struct, IDeviceFormat
    where TRows : struct, IRowSums
{
    public DeviceWeight Weight;

    public InputRows Inputs;

    public ProductOutputs Outputs;

    /// <summary>Warps of a launch.</summary>
    public readonly long Warps => (long)Weight.Rows * Tiles;

    private readonly int Tiles => (Inputs.Rows + TRows.Count - 1) / TRows.Count;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int tiles = Tiles, output = Threads.Warp / tiles, row = Threads.Warp % tiles * TRows.Count;
        if (output >= Weight.Rows)
            return;
        Products products = new() { Inputs = Inputs, Row = row, Sums = default };
        products.Sums.Clear();
        int parts = Weight.BlocksPerRow * TFormat.PartsPerBlock;
        for (int part = Threads.Lane; part < parts; part += Threads.PerWarp)
            TFormat.Read(Weight, output, part, ref products);
        products.Sums.Store(Outputs, row, output);
    }

    private struct Products : IOctetSink
    {
        public InputRows Inputs;

        public int Row;

        public TRows Sums;

        public void Take(Octet numbers, int octet) => Sums.Add(numbers, Inputs, Row, octet);
    }
}
