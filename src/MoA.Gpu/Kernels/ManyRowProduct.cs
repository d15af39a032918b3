using MoA.Gpu.Weights;

namespace MoA.Gpu.Kernels;

/// <summary>
/// y (+)= x·W' for many rows of x, the portable form: what tensor cores do where there are any. A thread sums one output of
/// eight rows by itself. Sums in F32, in an order that depends on the shape alone.
/// </summary>
internal struct ManyRowProduct<TFormat> : IDeviceKernel
    where TFormat : struct, IDeviceFormat
{
    private const int RowsPerThread = 8;

    public DeviceWeight Weight;

    public InputRows Inputs;

    public ProductOutputs Outputs;

    /// <summary>Threads of a launch.</summary>
    public readonly long Threads => (long)Weight.Rows * ((Inputs.Rows + RowsPerThread - 1) / RowsPerThread);

    /// <inheritdoc/>
    public readonly void Run()
    {
        int index = Kernels.Threads.Index, output = index % Weight.Rows, row = index / Weight.Rows * RowsPerThread;
        if (row >= Inputs.Rows)
            return;
        Products products = new() { Inputs = Inputs, Row = row, Sums = default };
        products.Sums.Clear();
        int parts = Weight.BlocksPerRow * TFormat.PartsPerBlock;
        for (int part = 0; part < parts; part++)
            TFormat.Read(Weight, output, part, ref products);
        products.Sums.StoreOwn(Outputs, row, output);
    }

    private struct Products : IOctetSink
    {
        public InputRows Inputs;

        public int Row;

        public Twice<Twice<Twice<One>>> Sums;

        public void Take(Octet numbers, int octet) => Sums.Add(numbers, Inputs, Row, octet);
    }
}
