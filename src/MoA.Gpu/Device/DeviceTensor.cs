using ILGPU;
using ILGPU.Runtime;
using MoA.Engine.Numerics;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Device;

/// <summary>
/// Activations on a device. Rows are padded to whole octets of floats; the padding is zero when they are made, and kernels keep
/// it so.
/// </summary>
internal sealed class DeviceTensor : Tensor
{
    private readonly DeviceBuffer<Quad> _memory;
    private readonly int _firstRow;

    public DeviceTensor(DeviceMemory memory, int rows, int columns)
        : base(rows, columns)
    {
        RowQuads = (columns + 7) / 8 * 2;
        _memory = memory.AllocateCleared<Quad>((long)rows * RowQuads);
    }

    private DeviceTensor(DeviceTensor whole, int firstRow)
        : base(whole.Rows - firstRow, whole.Columns)
    {
        RowQuads = whole.RowQuads;
        _memory = whole._memory;
        _firstRow = whole._firstRow + firstRow;
    }

    /// <summary>Quads from one row to the next.</summary>
    public int RowQuads { get; }

    /// <summary>The tensor as a device's.</summary>
    public static DeviceTensor Of(Tensor tensor) => (DeviceTensor)tensor;

    /// <summary>The first rows.</summary>
    public ArrayView<Quad> Quads(int rows) => _memory.View.SubView((long)_firstRow * RowQuads, (long)rows * RowQuads);

    /// <summary>Copies the first rows to the processor, without their padding; waits for what the device still does.</summary>
    public void Read(int rows, Span<float> numbers)
    {
        ArrayView<float> view = Quads(rows).Cast<float>();
        if (Columns == 4 * RowQuads)
        {
            view.CopyToCPU(numbers[..(rows * Columns)]);
            return;
        }

        float[] padded = new float[rows * 4 * RowQuads];
        view.CopyToCPU(padded);
        for (int row = 0; row < rows; row++)
            padded.AsSpan(row * 4 * RowQuads, Columns).CopyTo(numbers[(row * Columns)..]);
    }

    /// <summary>Copies the first rows from the processor.</summary>
    public void Write(ReadOnlySpan<float> numbers, int rows)
    {
        ArrayView<float> view = Quads(rows).Cast<float>();
        if (Columns == 4 * RowQuads)
        {
            view.CopyFromCPU(numbers[..(rows * Columns)]);
            return;
        }

        float[] padded = new float[rows * 4 * RowQuads];
        for (int row = 0; row < rows; row++)
            numbers.Slice(row * Columns, Columns).CopyTo(padded.AsSpan(row * 4 * RowQuads));
        view.CopyFromCPU(padded);
    }

    internal override Tensor From(int firstRow) => new DeviceTensor(this, firstRow);

    /// <inheritdoc/>
    public override void Dispose() => _memory.Dispose();
}
