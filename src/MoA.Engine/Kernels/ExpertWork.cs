using MoA.Engine.Kernels.Strips;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// What a pass works in where feed-forward networks are chosen among experts: the router's scores, which experts each row uses, the
/// rows in the order of their experts, and the activations between the projections. Reused from layer to layer.
/// </summary>
internal sealed unsafe class ExpertWork : IDisposable
{
    private readonly NativeBuffer<int> _numbers;
    private readonly NativeBuffer<float> _weights;
    private readonly int _maxRows;

    /// <summary>Makes room.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="maxRows">Most rows of a pass.</param>
    /// <param name="shape">The layers' sizes.</param>
    public ExpertWork(ComputeBackend backend, int maxRows, ExpertShape shape)
    {
        (Experts, Used, _maxRows) = (shape.Experts, shape.Used, maxRows);
        int places = maxRows * Used;
        Scores = backend.Allocate(maxRows, Experts);
        Gate = backend.Allocate(places, shape.IntermediateSize);
        Up = backend.Allocate(places, shape.IntermediateSize);
        Outputs = backend.Allocate(places, shape.HiddenSize);
        _numbers = new NativeBuffer<int>(backend.Allocator, NumbersOf(maxRows, shape));
        _weights = new NativeBuffer<float>(backend.Allocator, places);
    }

    /// <summary>Experts of a layer.</summary>
    public int Experts { get; }

    /// <summary>Experts that a row uses.</summary>
    public int Used { get; }

    /// <summary>Rows whose experts were chosen last.</summary>
    public int Rows { get; private set; }

    /// <summary>Places: a row for each expert that it uses. Those of an expert stand side by side, in the order of the rows.</summary>
    public int Places => Rows * Used;

    /// <summary>What the router says of each expert, [rows, experts].</summary>
    public Tensor Scores { get; }

    /// <summary>[places, intermediate].</summary>
    public Tensor Gate { get; }

    /// <summary>[places, intermediate].</summary>
    public Tensor Up { get; }

    /// <summary>[places, hidden].</summary>
    public Tensor Outputs { get; }

    /// <summary>The experts of each row, rising, [rows, used].</summary>
    public int* Chosen => _numbers.Data;

    /// <summary>What the output of each is multiplied by, [rows, used].</summary>
    public float* Weights => _weights.Data;

    /// <summary>The place of each, [rows, used].</summary>
    public int* PlaceOf => Chosen + _maxRows * Used;

    /// <summary>The row at each place.</summary>
    public int* RowAt => PlaceOf + _maxRows * Used;

    /// <summary>The expert at each place.</summary>
    public int* ExpertAt => RowAt + _maxRows * Used;

    /// <summary>The first place of each expert, and after them the number of places.</summary>
    public int* Starts => ExpertAt + _maxRows * Used;

    /// <summary>The inputs of gate and up: the row at each place.</summary>
    public RowGroups Inputs => new(RowAt, ExpertAt, Starts);

    /// <summary>The inputs of down, which stand in the order of places already.</summary>
    public RowGroups Inner => new(null, ExpertAt, Starts);

    /// <summary>Bytes that it takes.</summary>
    public static long BytesOf(int maxRows, ExpertShape shape)
    {
        long places = (long)maxRows * shape.Used;
        return 4 * ((long)maxRows * shape.Experts + places * (2L * shape.IntermediateSize + shape.HiddenSize + 1) + NumbersOf(maxRows, shape));
    }

    /// <summary>The first place of an expert, and how many it has.</summary>
    public (int First, int Count) PlacesOf(int expert) => (Starts[expert], Starts[expert + 1] - Starts[expert]);

    /// <summary>Orders rows by their experts, once <see cref="Chosen"/> says which those are.</summary>
    public void Order(int rows)
    {
        Rows = rows;
        int* chosen = Chosen, starts = Starts;
        new Span<int>(starts, Experts + 1).Clear();
        for (int i = 0; i < Places; i++)
            starts[chosen[i] + 1]++;
        for (int expert = 0; expert < Experts; expert++)
            starts[expert + 1] += starts[expert];
        // Each start moves on as its places are taken, and ends as the next one's: so all are moved up by one afterwards.
        for (int i = 0; i < Places; i++)
        {
            int place = starts[chosen[i]]++;
            (PlaceOf[i], RowAt[place], ExpertAt[place]) = (place, i / Used, chosen[i]);
        }

        for (int expert = Experts; expert > 0; expert--)
            starts[expert] = starts[expert - 1];
        starts[0] = 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Scores.Dispose();
        Gate.Dispose();
        Up.Dispose();
        Outputs.Dispose();
        _numbers.Dispose();
        _weights.Dispose();
    }

    private static long NumbersOf(int maxRows, ExpertShape shape) => 4L * maxRows * shape.Used + shape.Experts + 1;
}
