using ILGPU;
using ILGPU.Runtime;
using MoA.Gpu.Blas;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Cuda;

/// <summary>
/// Products of more rows than <see cref="FewRowProduct{TFormat,TRows}"/> is made for, on tensor cores without cuBLAS: operands
/// BF16, sums and results F32. Padding columns of results are left as they are. A sum does not depend on the other rows, but its
/// order may on their number.
/// </summary>
internal sealed class TensorCoreProduct(DeviceSession session)
{
    private static readonly Tile[] Few = [new(16, 32, 4, 4), new(32, 32, 4, 3), new(64, 32, 2, 4)];

    private static readonly Tile[] Many = [new(64, 64, 2, 3), new(128, 128, 1, 3), new(128, 256, 1, 3)];

    private static readonly Tile[] Back = [new(64, 64, 2, 3, "back_"), new(128, 128, 1, 3, "back_"), new(128, 256, 1, 3, "back_")];

    private readonly ICudaLauncher _cuda = session.Cuda ?? throw new InvalidOperationException($"Device {session.Device.Id} has no tensor cores.");

    /// <summary>Whether the device has tensor cores.</summary>
    public static bool CanRun(DeviceSession session) => session.Cuda is not null;

    /// <summary>results [rows, outputs] (+)= inputs [rows, inputs] · weight [outputs, inputs]'.</summary>
    /// <param name="shape">The shape.</param>
    /// <param name="inputs">BF16.</param>
    /// <param name="weight">BF16.</param>
    /// <param name="results">F32.</param>
    /// <param name="add">Whether to add to what stands there.</param>
    public void Multiply(in ProductShape shape, ArrayView<Quad> inputs, ArrayView<Quad> weight, ArrayView<Quad> results, bool add) =>
        Run(shape, back: false, inputs, weight, results, add);

    /// <summary>results [rows, inputs] (+)= gradients [rows, outputs] · weight [outputs, inputs].</summary>
    /// <param name="shape">The shape of the product whose inputs' gradients these are.</param>
    /// <param name="gradients">Of its results, BF16; padding columns are zero.</param>
    /// <param name="weight">BF16.</param>
    /// <param name="results">Of its inputs, F32.</param>
    /// <param name="add">Whether to add to what stands there.</param>
    public void MultiplyBack(in ProductShape shape, ArrayView<Quad> gradients, ArrayView<Quad> weight, ArrayView<Quad> results, bool add) =>
        Run(shape, back: true, gradients, weight, results, add);

    private void Run(in ProductShape shape, bool back, ArrayView<Quad> inputs, ArrayView<Quad> weight, ArrayView<Quad> results, bool add)
    {
        CheckLength(inputs, (back ? shape.OutputLength : shape.InputLength) * sizeof(ushort), nameof(inputs));
        CheckLength(weight, (long)shape.Outputs * shape.InputStride * sizeof(ushort), nameof(weight));
        CheckLength(results, (back ? shape.InputLength : shape.OutputLength) * sizeof(float), nameof(results));
        int rows = shape.Rows, outputs = back ? shape.Inputs : shape.Outputs;
        if (rows == 0 || outputs == 0)
            return;
        Tile tile = Choose(back, rows, outputs);
        _cuda.Launch(tile.Entry, checked((int)tile.Groups(rows, outputs)), new ProductArguments
        {
            Inputs = inputs.LoadEffectiveAddressAsPtr(),
            Weights = weight.LoadEffectiveAddressAsPtr(),
            Results = results.LoadEffectiveAddressAsPtr(),
            Rows = rows,
            Outputs = outputs,
            Depth = ((back ? shape.Outputs : shape.Inputs) + 7) / 8,
            InputQuads = (back ? shape.OutputStride : shape.InputStride) / 8,
            WeightRows = shape.Outputs,
            WeightQuads = shape.InputStride / 8,
            Stride = back ? shape.InputStride : shape.OutputStride,
            Add = add ? 1 : 0,
        });
    }

    // A tile that holds all of few rows, so that the weight is read once; else what keeps the device busy for the shortest time, in
    // rounds of as many tiles as there are processors.
    private Tile Choose(bool back, int rows, int outputs)
    {
        foreach (Tile tile in back ? [] : Few)
        {
            if (rows <= tile.Rows)
                return tile;
        }

        Tile[] many = back ? Back : Many;
        Tile best = many[0];
        foreach (Tile tile in many)
        {
            if (tile.Entry.SharedBytes <= _cuda.MostSharedBytes && Time(tile, rows, outputs) < Time(best, rows, outputs))
                best = tile;
        }

        return best;
    }

    private long Time(Tile tile, int rows, int outputs)
    {
        int processors = session.Device.Multiprocessors;
        return (tile.Groups(rows, outputs) + processors - 1) / processors * tile.Cost;
    }

    private static void CheckLength(ArrayView<Quad> memory, long bytes, string name)
    {
        if (memory.LengthInBytes < bytes)
            throw new ArgumentException($"{bytes} bytes are needed, {memory.LengthInBytes} are there.", name);
    }

    /// <summary>What a group of threads makes of the results, as in product.cu.</summary>
    private sealed record Tile(int Rows, int Outputs, int Teams, int Stages, string Kind = "")
    {
        public CudaEntry Entry { get; } = new($"product_{Kind}{Rows}x{Outputs}", 256, Stages * Teams * (Rows + Outputs) * 128);

        /// <summary>Of its arithmetic and of what it reads for it, relative to others; an estimate.</summary>
        public long Cost => Rows * Outputs + 16 * (Rows + Outputs);

        public long Groups(int rows, int outputs) => ((rows + Rows - 1L) / Rows) * ((outputs + Outputs - 1L) / Outputs);
    }
}
