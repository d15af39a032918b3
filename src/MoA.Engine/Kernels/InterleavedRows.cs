using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Rows whose elements at even and at odd places are kept apart, a vector of each at a time: the order in which bfloat16
/// weights are widened with least work. What does not fill two vectors stays in order. Items are rows.
/// </summary>
internal readonly unsafe struct InterleavedRows : IParallelJob
{
    private readonly float* _x;
    private readonly int _columns;
    private readonly int _width;

    /// <summary>Makes room in the shared scratch memory; running the items fills it.</summary>
    /// <param name="x">Dense rows.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="width">Lanes of a vector.</param>
    /// <param name="scratch">Where they are kept until the next use of the shared memory.</param>
    public InterleavedRows(float* x, int rows, int columns, int width, WorkerScratch scratch)
    {
        _x = x;
        _columns = columns;
        _width = width;
        Rows = scratch.Shared((long)rows * columns);
    }

    /// <summary>[rows, columns].</summary>
    public float* Rows { get; }

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        float* from = _x + (nint)index * _columns, to = Rows + (nint)index * _columns;
        int k = 0;
        for (; k <= _columns - 2 * _width; k += 2 * _width, to += 2 * _width)
        {
            for (int i = 0; i < _width; i++)
            {
                to[i] = from[k + 2 * i];
                to[i + _width] = from[k + 2 * i + 1];
            }
        }

        for (; k < _columns; k++)
            *to++ = from[k];
    }
}
