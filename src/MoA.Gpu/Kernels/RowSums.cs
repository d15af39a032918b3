using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>
/// Sums of products of one weight row with several rows of inputs, in registers: <see cref="One"/>, doubled as often as
/// wanted by <see cref="Twice{TRows}"/>. The type unrolls what a loop would not.
/// </summary>
internal interface IRowSums
{
    /// <summary>Rows of inputs.</summary>
    static abstract int Count { get; }

    /// <summary>Sets the sums to zero.</summary>
    void Clear();

    /// <summary>Adds the products of eight weights.</summary>
    /// <param name="weights">Eight weights.</param>
    /// <param name="inputs">The inputs.</param>
    /// <param name="row">The first row of inputs; rows past the last are taken for it, and not stored.</param>
    /// <param name="octet">Which eight inputs of a row.</param>
    void Add(Octet weights, InputRows inputs, int row, int octet);

    /// <summary>Adds up over the warp, and writes one output of each row.</summary>
    void Store(ProductOutputs outputs, int row, int output);

    /// <summary>Writes one output of each row, of which this thread has summed all.</summary>
    void StoreOwn(ProductOutputs outputs, int row, int output);
}

/// <summary>Rows of inputs: floats padded to whole octets.</summary>
internal struct InputRows
{
    public ArrayView<Quad> X;

    /// <summary>Octets of a row.</summary>
    public int Octets;

    public int Rows;
}

/// <summary>Where products go.</summary>
internal struct ProductOutputs
{
    public ArrayView<float> Y;

    /// <summary>Floats from one row to the next.</summary>
    public int Stride;

    public int Rows;

    /// <summary>1 to add to what stands there, 0 to replace it.</summary>
    public int Accumulate;

    /// <summary>Writes an output; of rows past the last nothing.</summary>
    public readonly void Write(int row, int output, float sum)
    {
        if (row >= Rows)
            return;
        long at = (long)row * Stride + output;
        Y[at] = Accumulate != 0 ? Y[at] + sum : sum;
    }
}

/// <summary>One row of inputs.</summary>
internal struct One : IRowSums
{
    private float _sum;

    public static int Count => 1;

    public void Clear() => _sum = 0;

    public void Add(Octet weights, InputRows inputs, int row, int octet)
    {
        long at = (long)Math.Min(row, inputs.Rows - 1) * inputs.Octets + octet;
        _sum += weights.Dot(Octet.Load(inputs.X, 2 * at));
    }

    public readonly void Store(ProductOutputs outputs, int row, int output)
    {
        float sum = LaneSum.OfWarp(_sum);
        if (Threads.Lane == 0)
            outputs.Write(row, output, sum);
    }

    public readonly void StoreOwn(ProductOutputs outputs, int row, int output) => outputs.Write(row, output, _sum);
}

/// <summary>Twice as many rows of inputs.</summary>
internal struct Twice<TRows> : IRowSums
    where TRows : struct, IRowSums
{
    private TRows _first, _second;

    public static int Count => 2 * TRows.Count;

    public void Clear()
    {
        _first = default;
        _second = default;
        _first.Clear();
        _second.Clear();
    }

    public void Add(Octet weights, InputRows inputs, int row, int octet)
    {
        _first.Add(weights, inputs, row, octet);
        _second.Add(weights, inputs, row + TRows.Count, octet);
    }

    public readonly void Store(ProductOutputs outputs, int row, int output)
    {
        _first.Store(outputs, row, output);
        _second.Store(outputs, row + TRows.Count, output);
    }

    public readonly void StoreOwn(ProductOutputs outputs, int row, int output)
    {
        _first.StoreOwn(outputs, row, output);
        _second.StoreOwn(outputs, row + TRows.Count, output);
    }
}
