using System.Diagnostics;
using MoA.Engine;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Search.Profiling.Gradients;

namespace MoA.Search.Profiling;

/// <summary>
/// Measures how much every block of attention matters to the loss of an item (docs/method.md, sections 2 and 3): one
/// forward pass, then a backward pass for activations only. Of the forward pass each layer keeps one tensor, the
/// residual stream between its attention and its MLP. From it the backward pass recomputes the MLP, and with that the
/// next layer's input, queries, keys and values; attention itself is never run a second time, because its gradient
/// needs no outputs. Tokens after the last answer are not run: no loss depends on them. Results do not depend on the
/// number of threads. Not safe for concurrent use.
/// </summary>
public sealed class InfluenceProfiler : IDisposable
{
    private readonly LoadedModel _model;
    private readonly ModelConfig _config;
    private readonly ComputeBackend _backend;
    private readonly GradientKernels _kernels;
    private readonly ProfilerWorkspace _workspace;
    private readonly double[] _frequencies;
    private readonly float _epsilon;

    /// <summary>
    /// Makes ready to profile items of up to <paramref name="maxTokens"/> tokens; allocates the workspace.
    /// </summary>
    /// <param name="model">The model; stays the caller's.</param>
    /// <param name="backend">The device; stays the caller's.</param>
    /// <param name="maxTokens">The largest <see cref="ProfileItem.Length"/>, at least 1.</param>
    public InfluenceProfiler(LoadedModel model, ComputeBackend backend, int maxTokens)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxTokens);
        _model = model;
        _config = model.Config;
        _backend = backend;
        _frequencies = Transformer.RopeFrequencies(_config);
        _epsilon = (float)_config.RmsNormEpsilon;
        MaxTokens = maxTokens;
        _kernels = GradientKernels.For(backend);
        bool normsHeads = model.Weights.Layers.Any(layer => layer.QueryNorm is not null || layer.KeyNorm is not null);
        _workspace = new ProfilerWorkspace(_config, backend, maxTokens, normsHeads);
    }

    /// <summary>The largest <see cref="ProfileItem.Length"/> that fits.</summary>
    public int MaxTokens { get; }

    /// <summary>Profiles one item.</summary>
    /// <param name="item">At most <see cref="MaxTokens"/> long, with at least one predicted token in an answer.</param>
    /// <param name="cancellation">Looked at between layers.</param>
    /// <exception cref="InvalidInputException">A token is not in the vocabulary, or the loss or an influence is not a
    /// finite number.</exception>
    /// <exception cref="OperationCanceledException">Cancellation was asked for.</exception>
    public ItemInfluence Profile(ProfileItem item, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(item);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(item.Length, MaxTokens);
        if (item.LossPositions.IsEmpty)
            throw new ArgumentException("The item has no predicted token in an answer.", nameof(item));
        CheckTokens(item);
        int rows = item.LossPositions[^1] + 1;
        Forward(item, rows, cancellation);
        double loss = LossGradient(item, rows);
        if (!double.IsFinite(loss))
            throw NotFinite(item, $"the loss is {loss}");
        return new ItemInfluence(loss, (item.Length + 63) / 64, Backward(item, rows, cancellation));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _workspace.Dispose();
        _kernels.Dispose();
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

    // Leaves the last layer's output in Hidden, and its gate and up in place for the backward pass.
    private void Forward(ProfileItem item, int rows, CancellationToken cancellation)
    {
        _backend.RopeAngles([.. Enumerable.Range(0, rows)], _frequencies, _workspace.Angles);
        _backend.Embed(item.Tokens.AsSpan(0, rows), _model.Weights.Embedding, _workspace.Hidden);
        for (int layer = 0; layer < _config.Layers; layer++)
        {
            cancellation.ThrowIfCancellationRequested();
            LayerWeights weights = _model.Weights.Layers[layer];
            ProjectHeads(weights, rows);
            _workspace.Attend(layer, rows);
            _backend.Project(
                _workspace.Attended, rows, weights.Output, weights.OutputBias, _workspace.Hidden, accumulate: true);
            _kernels.Copy(_workspace.Hidden, rows, _workspace.AfterAttention[layer]);
            FeedForward(weights, rows);
        }
    }

    // Hidden → queries, keys and values.
    private void ProjectHeads(LayerWeights weights, int rows)
    {
        ProfilerWorkspace w = _workspace;
        _backend.RmsNorm(w.Hidden, rows, weights.InputNorm, _epsilon, w.Normed);
        _backend.Project(w.Normed, rows, weights.Query, weights.QueryBias, w.RawQueries);
        _backend.Project(w.Normed, rows, weights.Key, weights.KeyBias, w.RawKeys);
        _backend.Project(w.Normed, rows, weights.Value, weights.ValueBias, w.Values);
        NormHeads(w.RawQueries, weights.QueryNorm, w.Queries, rows);
        NormHeads(w.RawKeys, weights.KeyNorm, w.Keys, rows);
        _backend.Rope(w.Queries, rows, _config.HeadSize, _config.RopePairs, w.Angles);
        _backend.Rope(w.Keys, rows, _config.HeadSize, _config.RopePairs, w.Angles);
    }

    private void NormHeads(Tensor raw, WeightTensor? norm, Tensor normed, int rows)
    {
        if (norm is not null)
            _backend.RmsNorm(raw, rows, norm, _epsilon, normed);
        else if (raw != normed)
            _kernels.Copy(raw, rows, normed);
    }

    // Hidden += MLP(Hidden); gate and up stay as they were before the activation.
    private void FeedForward(LayerWeights weights, int rows)
    {
        ProfilerWorkspace w = _workspace;
        _backend.RmsNorm(w.Hidden, rows, weights.PostAttentionNorm, _epsilon, w.Normed);
        _backend.Project(w.Normed, rows, weights.Gate, weights.GateBias, w.Gate);
        _backend.Project(w.Normed, rows, weights.Up, weights.UpBias, w.Up);
        _kernels.Copy(w.Gate, rows, w.Activated);
        _backend.SwiGlu(w.Activated, w.Up, rows);
        _backend.Project(w.Activated, rows, weights.Down, weights.DownBias, w.Hidden, accumulate: true);
    }

    // The loss, and its gradient for the last layer's output. Logits are made for loss positions only, some rows at a
    // time.
    private double LossGradient(ProfileItem item, int rows)
    {
        ProfilerWorkspace w = _workspace;
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
            _backend.RmsNorm(w.LastRows, chunk, _model.Weights.FinalNorm, _epsilon, w.LastNormed);
            _backend.Project(w.LastNormed, chunk, _model.Weights.Head, null, w.Logits);
            _kernels.CrossEntropyGradient(
                w.Logits, targets.AsSpan(start, chunk), 1f / count, losses.AsSpan(start, chunk));
            _kernels.ProjectGradient(w.Logits, chunk, _model.Weights.Head, w.LastNormed);
            _kernels.RmsNormGradient(
                w.LastRows, chunk, _model.Weights.FinalNorm, _epsilon, w.LastNormed, w.LastNormed);
            _kernels.Scatter(w.LastNormed, chunkRows, w.Gradient);
        }

        return losses.Sum() / count;
    }

    private float[][] Backward(ProfileItem item, int rows, CancellationToken cancellation)
    {
        ProfilerWorkspace w = _workspace;
        float[][] influence = new float[_config.Layers][];
        for (int layer = _config.Layers - 1; layer >= 0; layer--)
        {
            cancellation.ThrowIfCancellationRequested();
            FeedForwardGradient(layer, rows);
            if (layer > 0)
            {
                _kernels.Copy(w.AfterAttention[layer - 1], rows, w.Hidden);
                FeedForward(_model.Weights.Layers[layer - 1], rows);
            }
            else
            {
                _backend.Embed(item.Tokens.AsSpan(0, rows), _model.Weights.Embedding, w.Hidden);
            }

            influence[layer] = AttentionGradient(item, layer, rows);
        }

        return influence;
    }

    // Gradient: from the layer's output to between attention and MLP. Gate and Up hold this layer's.
    private void FeedForwardGradient(int layer, int rows)
    {
        ProfilerWorkspace w = _workspace;
        LayerWeights weights = _model.Weights.Layers[layer];
        _kernels.ProjectGradient(w.Gradient, rows, weights.Down, w.Activated);
        _kernels.SwiGluGradient(w.Gate, w.Up, w.Activated, rows);
        _kernels.ProjectGradient(w.Gate, rows, weights.Gate, w.Normed);
        _kernels.ProjectGradient(w.Up, rows, weights.Up, w.Normed, accumulate: true);
        _kernels.RmsNormGradient(
            w.AfterAttention[layer], rows, weights.PostAttentionNorm, _epsilon, w.Normed, w.Gradient, accumulate: true);
    }

    // Gradient: from between attention and MLP to the layer's input, which is in Hidden. Below the first layer nobody
    // needs it.
    private float[] AttentionGradient(ProfileItem item, int layer, int rows)
    {
        ProfilerWorkspace w = _workspace;
        LayerWeights weights = _model.Weights.Layers[layer];
        ProjectHeads(weights, rows);
        _kernels.ProjectGradient(w.Gradient, rows, weights.Output, w.Attended);
        AttentionShape shape = new(
            rows, _config.QueryHeads, _config.KeyValueHeads, _config.HeadSize,
            _config.SlidingWindow(layer) ?? int.MaxValue);
        float[] influence = new float[_config.QueryHeads * shape.Blocks * shape.Blocks];
        _kernels.AttentionGradient(shape, w.Queries, w.Keys, w.Values, w.Attended, influence, layer > 0);
        CheckFinite(item, layer, shape, influence);
        if (layer > 0)
        {
            _backend.Rope(w.Queries, rows, _config.HeadSize, _config.RopePairs, w.Angles, inverse: true);
            _backend.Rope(w.Keys, rows, _config.HeadSize, _config.RopePairs, w.Angles, inverse: true);
            NormHeadsGradient(w.RawQueries, weights.QueryNorm, w.Queries, rows);
            NormHeadsGradient(w.RawKeys, weights.KeyNorm, w.Keys, rows);
            _kernels.ProjectGradient(w.Queries, rows, weights.Query, w.Normed);
            _kernels.ProjectGradient(w.Keys, rows, weights.Key, w.Normed, accumulate: true);
            _kernels.ProjectGradient(w.Values, rows, weights.Value, w.Normed, accumulate: true);
            _kernels.RmsNormGradient(
                w.Hidden, rows, weights.InputNorm, _epsilon, w.Normed, w.Gradient, accumulate: true);
        }

        return WholeItem(influence, shape, (item.Length + 63) / 64);
    }

    private void NormHeadsGradient(Tensor raw, WeightTensor? norm, Tensor gradient, int rows)
    {
        if (norm is not null)
            _kernels.RmsNormGradient(raw, rows, norm, _epsilon, gradient, gradient);
    }

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
