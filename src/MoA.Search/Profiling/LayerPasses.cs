using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Kernels.Gradients;
using MoA.Engine.Models;
using MoA.Engine.Numerics;

namespace MoA.Search.Profiling;

/// <summary>
/// The parts of a layer's forward and backward pass, on a <see cref="ProfilerWorkspace"/>. Everything but attention goes
/// through a chunk of rows at a time, so that nothing of the MLP's width is held for a whole item.
/// </summary>
internal sealed class LayerPasses(
    ModelConfig config, ComputeBackend backend, GradientKernels kernels, ProfilerWorkspace workspace)
{
    private readonly float _epsilon = (float)config.RmsNormEpsilon;

    /// <summary>Hidden → queries, keys and values.</summary>
    public void ProjectHeads(LayerWeights weights, int layer, int rows)
    {
        ProfilerWorkspace w = workspace;
        foreach ((int start, int count) in Chunks(rows))
        {
            backend.RmsNorm(w.Hidden.From(start), count, weights.AttentionNorm!, _epsilon, w.Normed);
            backend.Project(w.Normed, count, weights.Query, weights.QueryBias, w.RawQueries.From(start));
            backend.Project(w.Normed, count, weights.Key, weights.KeyBias, w.RawKeys.From(start));
            backend.Project(w.Normed, count, weights.Value, weights.ValueBias, w.Values.From(start));
        }

        NormHeads(w.RawQueries, weights.QueryNorm, w.Queries, rows);
        NormHeads(w.RawKeys, weights.KeyNorm, w.Keys, rows);
        Rope(layer, rows, inverse: false);
    }

    /// <summary>Hidden += the heads' outputs, projected.</summary>
    public void AddAttended(LayerWeights weights, int rows)
    {
        foreach ((int start, int count) in Chunks(rows))
        {
            backend.Project(
                workspace.Attended.From(start), count, weights.Output, weights.OutputBias, workspace.Hidden.From(start),
                accumulate: true);
        }
    }

    /// <summary>Hidden += MLP(Hidden).</summary>
    public void FeedForward(LayerWeights weights, int rows)
    {
        ProfilerWorkspace w = workspace;
        foreach ((int start, int count) in Chunks(rows))
        {
            GateAndUp(weights, start, count);
            backend.SwiGlu(w.Gate, w.Up, count);
            backend.Project(w.Gate, count, weights.FeedForward[0].Down, weights.FeedForward[0].DownBias, w.Hidden.From(start), accumulate: true);
        }
    }

    /// <summary>Gradient: from the layer's output to between attention and MLP, which is in Hidden.</summary>
    public void FeedForwardGradient(LayerWeights weights, int rows)
    {
        ProfilerWorkspace w = workspace;
        foreach ((int start, int count) in Chunks(rows))
        {
            Tensor gradient = w.Gradient.From(start);
            GateAndUp(weights, start, count);
            kernels.ProjectGradient(gradient, count, weights.FeedForward[0].Down, w.Activated);
            kernels.SwiGluGradient(w.Gate, w.Up, w.Activated, count);
            kernels.ProjectGradient(w.Gate, count, weights.FeedForward[0].Gate, w.Normed);
            kernels.ProjectGradient(w.Up, count, weights.FeedForward[0].Up, w.Normed, accumulate: true);
            kernels.RmsNormGradient(
                w.Hidden.From(start), count, weights.FeedForwardNorm!, _epsilon, w.Normed, gradient, accumulate: true);
        }
    }

    /// <summary>Attended: the gradient at the heads' outputs.</summary>
    public void OutputGradient(LayerWeights weights, int rows)
    {
        foreach ((int start, int count) in Chunks(rows))
            kernels.ProjectGradient(workspace.Gradient.From(start), count, weights.Output, workspace.Attended.From(start));
    }

    /// <summary>
    /// Gradient: from between attention and MLP to the layer's input, which is in Hidden. Queries, keys and values hold
    /// their gradients.
    /// </summary>
    public void HeadsGradient(LayerWeights weights, int layer, int rows)
    {
        ProfilerWorkspace w = workspace;
        Rope(layer, rows, inverse: true);
        NormHeadsGradient(w.RawQueries, weights.QueryNorm, w.Queries, rows);
        NormHeadsGradient(w.RawKeys, weights.KeyNorm, w.Keys, rows);
        foreach ((int start, int count) in Chunks(rows))
        {
            kernels.ProjectGradient(w.Queries.From(start), count, weights.Query, w.Normed);
            kernels.ProjectGradient(w.Keys.From(start), count, weights.Key, w.Normed, accumulate: true);
            kernels.ProjectGradient(w.Values.From(start), count, weights.Value, w.Normed, accumulate: true);
            kernels.RmsNormGradient(
                w.Hidden.From(start), count, weights.AttentionNorm!, _epsilon, w.Normed, w.Gradient.From(start), accumulate: true);
        }
    }

    private static IEnumerable<(int Start, int Count)> Chunks(int rows)
    {
        for (int start = 0; start < rows; start += ProfilerWorkspace.ChunkRows)
            yield return (start, Math.Min(ProfilerWorkspace.ChunkRows, rows - start));
    }

    // Of a chunk of Hidden, before the activation.
    private void GateAndUp(LayerWeights weights, int start, int count)
    {
        ProfilerWorkspace w = workspace;
        backend.RmsNorm(w.Hidden.From(start), count, weights.FeedForwardNorm!, _epsilon, w.Normed);
        backend.Project(w.Normed, count, weights.FeedForward[0].Gate, weights.FeedForward[0].GateBias, w.Gate);
        backend.Project(w.Normed, count, weights.FeedForward[0].Up, weights.FeedForward[0].UpBias, w.Up);
    }

    private void Rope(int layer, int rows, bool inverse)
    {
        ProfilerWorkspace w = workspace;
        if (w.Angles.Of(layer) is not { } angles)
            return;
        backend.Rope(w.Queries, rows, config.HeadSize, config.RopePairs, angles, inverse);
        backend.Rope(w.Keys, rows, config.HeadSize, config.RopePairs, angles, inverse);
    }

    private void NormHeads(Tensor raw, WeightTensor? norm, Tensor normed, int rows)
    {
        if (norm is not null)
            backend.RmsNorm(raw, rows, norm, _epsilon, normed);
        else if (raw != normed)
            kernels.Copy(raw, rows, normed);
    }

    private void NormHeadsGradient(Tensor raw, WeightTensor? norm, Tensor gradient, int rows)
    {
        if (norm is not null)
            kernels.RmsNormGradient(raw, rows, norm, _epsilon, gradient, gradient);
    }
}
