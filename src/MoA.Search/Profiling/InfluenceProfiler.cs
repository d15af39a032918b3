using System.Diagnostics;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Kernels.Gradients;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Parallelism;

namespace MoA.Search.Profiling;

/// <summary>
/// Measures how much every block of attention matters to the loss of an item (docs/method.md, sections 2 and 3): one
/// forward pass, then a backward pass for activations only, a layer at a time. Of the forward pass each layer's input
/// and the residual stream between its attention and its MLP are kept, in memory or in a temporary file; the backward
/// pass recomputes the layer's queries, keys, values, gate and up from them. Attention itself and the output
/// projections are run a second time only where a norm follows them, because their own gradients need no outputs. Tokens after the last answer are
/// not run: no loss depends on them. Results do not depend on the number of threads, nor on where things are kept. One
/// caller at a time: another one gets an exception at once.
/// </summary>
internal sealed class InfluenceProfiler : IDisposable
{
    private readonly UseGuard _use = new("The profiler is", typeof(InfluenceProfiler));
    private readonly LoadedModel _model;
    private readonly ModelConfig _config;
    private readonly ComputeBackend _backend;
    private readonly GradientKernels _kernels;
    private readonly PlacedWeights _weights;
    private readonly ProfilerWorkspace _workspace;
    private readonly LayerPasses _passes;
    private readonly AttentionTraits[] _traits;

    /// <summary>
    /// Makes ready to profile items of up to <paramref name="maxTokens"/> tokens; allocates the workspace.
    /// </summary>
    /// <param name="model">The model; stays the caller's.</param>
    /// <param name="backend">The device; stays the caller's.</param>
    /// <param name="maxTokens">The largest <see cref="ProfileItem.Length"/>, at least 1.</param>
    /// <param name="temporaryFolder">An existing folder for a temporary file with what the forward pass keeps, which goes
    /// with the process however that ends; null keeps it in memory. <see cref="ProfilerMemory"/> says how much it
    /// is.</param>
    /// <exception cref="InvalidInputException">No temporary file can be made in the folder, or the device has no room or no kernels for
    /// the model.</exception>
    public InfluenceProfiler(LoadedModel model, ComputeBackend backend, int maxTokens, string? temporaryFolder = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxTokens);
        _model = model;
        _config = model.Config;
        _backend = backend;
        MaxTokens = maxTokens;
        _kernels = backend.CreateGradients(_config, maxTokens);
        try
        {
            _weights = model.Weights.Place(backend, _config);
            ProfilerMemory memory = ProfilerMemory.Of(model, backend, maxTokens, maxTokens);
            backend.CheckRoom(
                memory.Working + (temporaryFolder is null ? memory.Kept : 0), $"profiling items of {maxTokens} tokens",
                "choose shorter lengths, smaller weights or another device");
            _workspace = new ProfilerWorkspace(_config, backend, _kernels, maxTokens, ProfilerMemory.NormsHeads(model), temporaryFolder);
        }
        catch
        {
            _weights?.Dispose();
            _kernels.Dispose();
            throw;
        }

        _traits = [.. _config.LayerDescriptions.Zip(model.Weights.Layers, ForwardLayers.TraitsOf)];
        _passes = new LayerPasses(_config, backend, _kernels, _workspace);
    }

    /// <summary>Tokens in a block by which influence is summed: one of <see cref="ElasticRule.Blocks"/>.</summary>
    public int Block { get; init; } = ElasticRule.BlockSize;

    /// <summary>[layers] what the heads see under a plan, under which the influence is taken; null: everything.</summary>
    public IReadOnlyList<LayerSpans>? Spans { get; init; }

    /// <summary>By whose scores influence is summed in place of positions, in layers that look back without limit; null: by positions.</summary>
    public ContentPlanPolicy? Content { get; init; }

    /// <summary>The largest <see cref="ProfileItem.Length"/> that fits.</summary>
    public int MaxTokens { get; }

    /// <summary>Profiles one item.</summary>
    /// <param name="item">At most <see cref="MaxTokens"/> long, with at least one predicted token in an answer.</param>
    /// <param name="cancellation">Looked at between layers.</param>
    /// <exception cref="InvalidInputException">A token is not in the vocabulary, or something is not a finite number; the
    /// message names item and layer.</exception>
    /// <exception cref="IOException">The disk of the temporary file is full or fails.</exception>
    /// <exception cref="OperationCanceledException">Cancellation was asked for.</exception>
    /// <exception cref="ObjectDisposedException">The profiler, the model or the backend was disposed.</exception>
    /// <exception cref="InvalidOperationException">Another caller is using the profiler or the backend.</exception>
    public ItemInfluence Profile(ProfileItem item, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(item);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(item.Length, MaxTokens);
        if (item.LossPositions.IsEmpty)
            throw new ArgumentException("The item has no predicted token in an answer.", nameof(item));
        CheckTokens(item);
        using UseGuard.Use profiler = _use.TakeAlone();
        using UseGuard.Use device = _backend.Use();
        using UseGuard.Use weights = _model.Weights.Use();
        int rows = item.LossPositions[^1] + 1;
        Forward(item, rows, cancellation);
        double loss = LossGradient(item, rows);
        if (!double.IsFinite(loss))
            throw NotFinite(item, $"the loss is {loss}");
        return new ItemInfluence(loss, (item.Length + Block - 1) / Block, Backward(item, rows, cancellation));
    }

    /// <summary>Waits for an item that is being profiled, and frees the workspace.</summary>
    public void Dispose()
    {
        if (!_use.Close())
            return;
        _workspace.Dispose();
        _kernels.Dispose();
        _weights.Dispose();
    }

    private void CheckTokens(ProfileItem item)
    {
        foreach (int token in item.Tokens)
        {
            if ((uint)token >= (uint)_config.VocabularySize)
            {
                throw new InvalidInputException(
                    $"{item.Origin}: token {token}: the vocabulary of {_model.Name} has ids 0 to "
                    + $"{_config.VocabularySize - 1}; was the item made for another model?");
            }
        }
    }

    // Leaves the last layer's output in Hidden.
    private void Forward(ProfileItem item, int rows, CancellationToken cancellation)
    {
        ProfilerWorkspace w = _workspace;
        w.Angles.Fill(rows, item.Length);
        _backend.Embed(item.Tokens.AsSpan(0, rows), _weights.Embedding, w.Hidden);
        if (_config.EmbeddingScale != 1)
            _backend.Scale(w.Hidden, rows, (float)_config.EmbeddingScale);
        for (int layer = 0; layer < _config.Layers; layer++)
        {
            cancellation.ThrowIfCancellationRequested();
            LayerWeights weights = _weights.Layers[layer];
            w.Kept.Save(2 * layer, w.Hidden, rows);
            _passes.ProjectHeads(weights, layer, rows);
            _kernels.Attend(Shape(layer, rows), w.Queries, w.Keys, w.Values, w.Attended);
            _passes.AddAttended(weights, layer, rows);
            w.Kept.Save(2 * layer + 1, w.Hidden, rows);
            _passes.FeedForward(weights, layer, rows);
            if (!_kernels.IsFinite(w.Hidden, rows))
                throw NotFinite(item, $"the output of layer {layer} has values that are NaN or infinite");
        }
    }

    // The loss, and its gradient for the last layer's output. Logits are made for loss positions only, some rows at a
    // time.
    private double LossGradient(ProfileItem item, int rows)
    {
        ProfilerWorkspace w = _workspace;
        float epsilon = (float)_config.RmsNormEpsilon;
        ReadOnlySpan<int> positions = item.LossPositions;
        int count = positions.Length;
        int[] targets = new int[count];
        for (int i = 0; i < count; i++)
            targets[i] = item.Tokens[positions[i] + 1];
        double[] losses = new double[count];
        _kernels.Clear(w.Gradient, rows);
        for (int start = 0; start < count; start += w.LogitRows)
        {
            int chunk = Math.Min(w.LogitRows, count - start);
            ReadOnlySpan<int> chunkRows = positions.Slice(start, chunk);
            _backend.Gather(w.Hidden, chunkRows, w.LastRows);
            _backend.RmsNorm(w.LastRows, chunk, _weights.FinalNorm, epsilon, w.LastNormed);
            ScaleLogits(chunk);
            _backend.Project(w.LastNormed, chunk, _weights.Head, null, w.Logits);
            _kernels.CrossEntropyGradient(
                w.Logits, targets.AsSpan(start, chunk), 1f / count, losses.AsSpan(start, chunk), (float)(_config.LogitSoftCap ?? 0));
            _kernels.ProjectGradient(w.Logits, chunk, _weights.Head, w.LastNormed);
            ScaleLogits(chunk);
            _kernels.RmsNormGradient(
                w.LastRows, chunk, _weights.FinalNorm, epsilon, w.LastNormed, w.LastNormed);
            _kernels.Scatter(w.LastNormed, chunkRows, w.Gradient);
        }

        return losses.Sum() / count;
    }

    // The scale of logits, where it can be put: before the head, and as well in its gradient.
    private void ScaleLogits(int rows)
    {
        if (_config.LogitScale != 1)
            _backend.Scale(_workspace.LastNormed, rows, (float)_config.LogitScale);
    }

    private float[][] Backward(ProfileItem item, int rows, CancellationToken cancellation)
    {
        ProfilerWorkspace w = _workspace;
        float[][] influence = new float[_config.Layers][];
        for (int layer = _config.Layers - 1; layer >= 0; layer--)
        {
            cancellation.ThrowIfCancellationRequested();
            LayerWeights weights = _weights.Layers[layer];
            w.Kept.Load(2 * layer + 1, w.Hidden, rows);
            _passes.FeedForwardGradient(weights, layer, rows);
            w.Kept.Load(2 * layer, w.Hidden, rows);
            influence[layer] = AttentionGradient(item, layer, rows);
        }

        return influence;
    }

    // Gradient: from between attention and MLP to the layer's input, which is in Hidden. Below the first layer nobody
    // needs it.
    private float[] AttentionGradient(ProfileItem item, int layer, int rows)
    {
        ProfilerWorkspace w = _workspace;
        LayerWeights weights = _weights.Layers[layer];
        _passes.ProjectHeads(weights, layer, rows);
        AttentionShape shape = Shape(layer, rows);
        if (Content is not null && !_config.IsBounded(layer))
            shape = shape with { Ranks = ContentRanks.Take(Content, _config, layer, shape, _backend, w.Queries, w.Keys, w.Values, w.Attended) };
        if (weights.AttentionOutputNorm is not null)
            _kernels.Attend(shape, w.Queries, w.Keys, w.Values, w.Attended);
        _passes.OutputGradient(weights, layer, rows);
        float[] influence = new float[_config.QueryHeads * shape.Blocks * shape.Blocks];
        _kernels.AttentionGradient(shape, w.Queries, w.Keys, w.Values, w.Attended, influence, layer > 0);
        CheckFinite(item, layer, shape, influence);
        if (layer > 0)
        {
            _passes.HeadsGradient(weights, layer, rows);
            if (!_kernels.IsFinite(w.Gradient, rows))
                throw NotFinite(item, $"the gradient at the input of layer {layer} has values that are NaN or infinite");
        }

        return WholeItem(influence, shape, (item.Length + Block - 1) / Block);
    }

    private AttentionShape Shape(int layer, int rows) => new(
        rows, _config.QueryHeads, _config.KeyValueHeads, _config.HeadSize, _config.SlidingWindow(layer) ?? int.MaxValue)
    {
        Traits = _traits[layer],
        Block = Block,
        Spans = Spans?[layer],
    };

    // Blocks of the rows that were not run, because no loss depends on them, are zero.
    private static float[] WholeItem(float[] influence, in AttentionShape shape, int blocks)
    {
        Debug.Assert(shape.Blocks <= blocks, "More rows were run than the item has.");
        if (shape.Blocks == blocks)
            return influence;
        float[] whole = new float[shape.QueryHeads * blocks * blocks];
        for (int head = 0; head < shape.QueryHeads; head++)
        {
            for (int block = 0; block < shape.Blocks; block++)
            {
                influence.AsSpan((head * shape.Blocks + block) * shape.Blocks, shape.Blocks)
                    .CopyTo(whole.AsSpan((head * blocks + block) * blocks));
            }
        }

        return whole;
    }

    private void CheckFinite(ProfileItem item, int layer, in AttentionShape shape, float[] influence)
    {
        int index = Array.FindIndex(influence, value => !float.IsFinite(value));
        if (index >= 0)
        {
            int head = index / (shape.Blocks * shape.Blocks);
            throw NotFinite(item, $"the influence of layer {layer}, head {head} is {influence[index]}");
        }
    }

    private InvalidInputException NotFinite(ProfileItem item, string what) => new(
        $"{item.Origin}: {what} under {_model.Name}; expected finite numbers: check the model's weights and config");
}
