namespace MoA.Engine.Numerics;

/// <summary>Activations in the processor's memory.</summary>
internal sealed unsafe class HostTensor : Tensor
{
    private readonly NativeBuffer<float> _memory;
    private readonly long _offset;

    public HostTensor(NativeAllocator allocator, int rows, int columns)
        : base(rows, columns) => _memory = new NativeBuffer<float>(allocator, (long)rows * columns);

    private HostTensor(HostTensor whole, int firstRow)
        : base(whole.Rows - firstRow, whole.Columns)
    {
        _memory = whole._memory;
        _offset = whole._offset + (long)firstRow * Columns;
    }

    public float* Memory => _memory.Data + _offset;

    internal override Tensor From(int firstRow) => new HostTensor(this, firstRow);

    /// <inheritdoc/>
    public override void Dispose() => _memory.Dispose();
}

/// <summary>What runs on the processor sees the memory of its tensors.</summary>
internal static unsafe class HostTensors
{
    extension(Tensor tensor)
    {
        /// <summary>[Rows, Columns]. Another device's tensor has none.</summary>
        public float* Data => ((HostTensor)tensor).Memory;
    }
}
