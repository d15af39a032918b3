using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Kernels.Gradients;
using MoA.Engine.Models;
using MoA.Engine.Numerics;

namespace MoA.Search.Profiling;

/// <summary>
/// The activations of one layer that profiling an item of up to n tokens works on, and what the forward pass keeps:
/// the input of every layer and the residual stream between its attention and its MLP (<see cref="ProfilerMemory"/> has
/// the sizes). The MLP runs on a chunk of rows at a time.
/// </summary>
internal sealed class ProfilerWorkspace : IDisposable
{
    /// <summary>
    /// Rows that go through a matrix product together: enough that laying out its weight is little beside the product.
    /// </summary>
    public const int ChunkRows = 1024;

    // Logits of this many elements are held at a time.
    private const int LogitElements = 1 << 24;
    private const int MostLogitRows = 512;

    private readonly List<IDisposable> _memory = [];

    /// <summary>Allocates everything.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="backend">The device.</param>
    /// <param name="kernels">Its operations.</param>
    /// <param name="maxTokens">n.</param>
    /// <param name="normsHeads">Whether the model has norms over single heads.</param>
    /// <param name="folder">Where what the forward pass keeps goes; null: into memory.</param>
    public ProfilerWorkspace(ModelConfig config, ComputeBackend backend, GradientKernels kernels, int maxTokens, bool normsHeads, string? folder)
    {
        int queryWidth = config.QueryHeads * config.HeadSize, keyWidth = config.KeyValueHeads * config.HeadSize;
        int chunk = Math.Min(maxTokens, ChunkRows);
        try
        {
            Kept = new ResidualStore(backend, kernels, 2 * config.Layers, maxTokens, config.HiddenSize, folder);
            _memory.Add(Kept);
            Hidden = Rows(config.HiddenSize);
            Normed = Own(backend.Allocate(chunk, config.HiddenSize));
            Gradient = Rows(config.HiddenSize);
            bool branches = BranchesChange(config);
            Branch = branches ? Own(backend.Allocate(chunk, config.HiddenSize)) : Normed;
            BranchGradient = branches ? Own(backend.Allocate(chunk, config.HiddenSize)) : Normed;
            Queries = Rows(queryWidth);
            Keys = Rows(keyWidth);
            Values = Rows(keyWidth);
            Attended = Rows(queryWidth);
            RawQueries = normsHeads ? Rows(queryWidth) : Queries;
            RawKeys = normsHeads ? Rows(keyWidth) : Keys;
            Gate = Own(backend.Allocate(chunk, config.IntermediateSize));
            Up = Own(backend.Allocate(chunk, config.IntermediateSize));
            Activated = Own(backend.Allocate(chunk, config.IntermediateSize));
            Dictionary<ExpertShape, ExpertTensors> experts = ExpertShape.Of(config).ToDictionary(shape => shape, shape => Owned(new ExpertTensors(backend, chunk, shape)));
            Experts = [.. config.LayerDescriptions.Select(layer => ExpertShape.Of(config, layer) is { } shape ? experts[shape] : null)];
            Angles = new RotaryAngles(config, backend, maxTokens, (rows, columns) => Own(backend.Allocate(rows, columns)));
            LogitRows = MostLogitRowsOf(config, maxTokens);
            Logits = Own(backend.Allocate(LogitRows, config.VocabularySize));
            LastRows = Own(backend.Allocate(LogitRows, config.HiddenSize));
            LastNormed = Own(backend.Allocate(LogitRows, config.HiddenSize));
        }
        catch
        {
            Dispose();
            throw;
        }

        Tensor Rows(int columns) => Own(backend.Allocate(maxTokens, columns));
    }

    /// <summary>
    /// Stream 2·l is the input of layer l, 2·l + 1 the residual stream between its attention and its MLP.
    /// </summary>
    public ResidualStore Kept { get; }

    /// <summary>The residual stream, at one place or another.</summary>
    public Tensor Hidden { get; }

    /// <summary>A chunk of the residual stream after a norm, or the gradient there.</summary>
    public Tensor Normed { get; }

    /// <summary>The loss's gradient for the residual stream.</summary>
    public Tensor Gradient { get; }

    /// <summary>A chunk of what attention or MLP add to the residual stream, before its norm or scale.</summary>
    public Tensor Branch { get; }

    /// <summary>The gradient there.</summary>
    public Tensor BranchGradient { get; }

    /// <summary>
    /// Queries before the norm over single heads; the same as <see cref="Queries"/> if there is none.
    /// </summary>
    public Tensor RawQueries { get; }

    /// <summary>Keys before the norm over single heads; the same as <see cref="Keys"/> if there is none.</summary>
    public Tensor RawKeys { get; }

    /// <summary>Queries, or their gradient.</summary>
    public Tensor Queries { get; }

    /// <summary>Keys, or their gradient.</summary>
    public Tensor Keys { get; }

    /// <summary>Values, or their gradient.</summary>
    public Tensor Values { get; }

    /// <summary>The heads' outputs, or the gradient there.</summary>
    public Tensor Attended { get; }

    /// <summary>A chunk of the MLP's gate, or the gradient before its activation.</summary>
    public Tensor Gate { get; }

    /// <summary>A chunk of the MLP's up projection, or its gradient.</summary>
    public Tensor Up { get; }

    /// <summary>The gradient of a chunk of the MLP's product activation(gate)·up.</summary>
    public Tensor Activated { get; }

    /// <summary>By layer what a chunk works in where networks are chosen among experts; null where there is one.</summary>
    public IReadOnlyList<ExpertTensors?> Experts { get; }

    public RotaryAngles Angles { get; }

    /// <summary>Rows whose logits are held at a time.</summary>
    public int LogitRows { get; }

    public Tensor Logits { get; }

    public Tensor LastRows { get; }

    public Tensor LastNormed { get; }

    /// <summary>Rows whose logits are held at a time, for a model and the longest item.</summary>
    public static int MostLogitRowsOf(ModelConfig config, int maxTokens) =>
        Math.Clamp(LogitElements / config.VocabularySize, 1, Math.Min(maxTokens, MostLogitRows));

    /// <summary>Whether what attention and MLP add to the residual stream is changed on its way there, or a sum over experts.</summary>
    public static bool BranchesChange(ModelConfig config) =>
        config.LayerDescriptions.Any(
        layer => layer.Norms != NormPlacement.Before || layer.ResidualScale != 1 || layer.FeedForward.Experts is not null);

    public void Dispose()
    {
        foreach (IDisposable memory in _memory)
            memory.Dispose();
    }

    private Tensor Own(Tensor tensor) => Owned(tensor);

    private T Owned<T>(T memory)
        where T : IDisposable
    {
        _memory.Add(memory);
        return memory;
    }
}
