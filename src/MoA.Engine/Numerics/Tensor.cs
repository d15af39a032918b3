namespace MoA.Engine.Numerics;

/// <summary>
/// Activations on a backend's device: up to <see cref="Rows"/> dense rows of <see cref="Columns"/> floats. Opaque to the
/// forward pass, which only hands it to a backend's operations; each backend makes its own kind.
/// </summary>
internal abstract class Tensor(int rows, int columns) : IDisposable
{
    /// <summary>Most rows.</summary>
    public int Rows { get; } = rows;

    /// <summary>Elements of a row.</summary>
    public int Columns { get; } = columns;

    /// <summary>The rows from one on, in the same memory; which is this tensor's to give back.</summary>
    internal abstract Tensor From(int firstRow);

    /// <inheritdoc/>
    public abstract void Dispose();
}
