using MoA.Engine.Attention;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;

namespace MoA.Search.Profiling;

/// <summary>
/// The activations that profiling an item of up to n tokens holds. In floats, for L layers of width h, MLP width f, H
/// query and G KV heads of size d, with W different sliding windows among the layers and a vocabulary of V:
/// <c>n·((L + 3)·h + 2·H·d + 2·G·d + 3·f + d + 2·W·G·d)</c>, with norms over single heads another <c>n·(H + G)·d</c>,
/// and <c>logitRows·(2·h + V)</c> for the head. The attention gradient adds <c>2·n·H·d</c> (d rounded up to whole pairs
/// of vectors) and each thread <c>n·(128 + 3·d)</c>.
/// </summary>
internal sealed class ProfilerWorkspace : IDisposable
{
    // Logits of this many elements are held at a time.
    private const int LogitElements = 1 << 24;
    private const int MostLogitRows = 512;

    private readonly ModelConfig _config;
    private readonly ComputeBackend _backend;
    private readonly List<IDisposable> _memory = [];
    private readonly Dictionary<int, (SequenceCache Cache, AttentionWork Work)> _attention = [];

    public ProfilerWorkspace(ModelConfig config, ComputeBackend backend, int maxTokens, bool normsHeads)
    {
        _config = config;
        _backend = backend;
        int queryWidth = config.QueryHeads * config.HeadSize, keyWidth = config.KeyValueHeads * config.HeadSize;
        AfterAttention = [.. Enumerable.Range(0, config.Layers).Select(_ => Rows(config.HiddenSize))];
        Hidden = Rows(config.HiddenSize);
        Normed = Rows(config.HiddenSize);
        Gradient = Rows(config.HiddenSize);
        Queries = Rows(queryWidth);
        Keys = Rows(keyWidth);
        Values = Rows(keyWidth);
        Attended = Rows(queryWidth);
        RawQueries = normsHeads ? Rows(queryWidth) : Queries;
        RawKeys = normsHeads ? Rows(keyWidth) : Keys;
        Gate = Rows(config.IntermediateSize);
        Up = Rows(config.IntermediateSize);
        Activated = Rows(config.IntermediateSize);
        Angles = Rows(config.HeadSize);
        LogitRows = Math.Clamp(LogitElements / config.VocabularySize, 1, Math.Min(maxTokens, MostLogitRows));
        Logits = Own(backend.Allocate(LogitRows, config.VocabularySize));
        LastRows = Own(backend.Allocate(LogitRows, config.HiddenSize));
        LastNormed = Own(backend.Allocate(LogitRows, config.HiddenSize));
        foreach (int layer in Enumerable.Range(0, config.Layers))
            AddAttention(config.SlidingWindow(layer), maxTokens);

        Tensor Rows(int columns) => Own(backend.Allocate(maxTokens, columns));
    }

    /// <summary>
    /// One for each layer: the residual stream between attention and MLP, kept from the forward pass.
    /// </summary>
    public Tensor[] AfterAttention { get; }

    /// <summary>The residual stream at a layer's input.</summary>
    public Tensor Hidden { get; }

    /// <summary>The residual stream after a norm, or the gradient there.</summary>
    public Tensor Normed { get; }

    /// <summary>The loss's gradient for the residual stream.</summary>
    public Tensor Gradient { get; }

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

    /// <summary>The MLP's gate before its activation, or the gradient there.</summary>
    public Tensor Gate { get; }

    /// <summary>The MLP's up projection, or its gradient.</summary>
    public Tensor Up { get; }

    /// <summary>The MLP's product silu(gate)·up, or its gradient.</summary>
    public Tensor Activated { get; }

    public Tensor Angles { get; }

    /// <summary>Rows whose logits are held at a time.</summary>
    public int LogitRows { get; }

    public Tensor Logits { get; }

    public Tensor LastRows { get; }

    public Tensor LastNormed { get; }

    /// <summary>Causal attention of one layer, from scratch.</summary>
    public void Attend(int layer, int rows)
    {
        (SequenceCache cache, AttentionWork work) = _attention[_config.SlidingWindow(layer) ?? 0];
        work.Clear();
        work.Add(cache, rows, AttentionMode.Prefill);
        _backend.Attend(work, 0, Queries, Keys, Values, Attended);
    }

    public void Dispose()
    {
        foreach (IDisposable memory in _memory)
            memory.Dispose();
    }

    // The backend attends through a cache: one of a single layer, in F32 so that nothing is rounded, serves all layers
    // with the same window. Its length stays 0, so that every use starts anew.
    private void AddAttention(int? window, int maxTokens)
    {
        if (_attention.ContainsKey(window ?? 0))
            return;
        ModelConfig oneLayer = _config with { Layers = 1, SlidingWindows = [window] };
        SequenceCache cache = new(oneLayer, new DensePolicy(), maxTokens, ElementType.F32, _backend.Allocator);
        _memory.Add(cache);
        _attention.Add(window ?? 0, (cache, new AttentionWork(oneLayer)));
    }

    private Tensor Own(Tensor tensor)
    {
        _memory.Add(tensor);
        return tensor;
    }
}
