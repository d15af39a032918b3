using MoA.Engine.Numerics;

namespace MoA.Engine.Numerics;

/// <summary>
/// Activations on a backend's device: up to <see cref="Rows"/> dense rows of <see cref="Columns"/> floats. Opaque to the
/// forward pass, which only hands it to a backend's operations.
/// </summary>
internal sealed unsafe class Tensor : IDisposable
{
    private readonly NativeBuffer<float> _memory;
    private readonly long _offset;

    internal Tensor(NativeAllocator allocator, int rows, int columns)
    {
        Rows = rows;
        Columns = columns;
        _memory = new NativeBuffer<float>(allocator, (long)rows * columns);
    }

    private Tensor(Tensor whole, int firstRow)
    {
        Rows = whole.Rows - firstRow;
        Columns = whole.Columns;
        _memory = whole._memory;
        _offset = whole._offset + (long)firstRow * Columns;
    }

    /// <summary>Most rows.</summary>
    public int Rows { get; }

    /// <summary>Elements of a row.</summary>
    public int Columns { get; }

    internal float* Data => _memory.Data + _offset;

    /// <summary>The rows from one on, in the same memory; which is this tensor's to give back.</summary>
    internal Tensor From(int firstRow) => new(this, firstRow);

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();
}
