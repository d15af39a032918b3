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
            Tensor inputs = Norm(start, count, weights.AttentionNorm);
            backend.Project(inputs, count, weights.Query, weights.QueryBias, w.RawQueries.From(start));
            backend.Project(inputs, count, weights.Key, weights.KeyBias, w.RawKeys.From(start));
            backend.Project(inputs, count, weights.Value, weights.ValueBias, w.Values.From(start));
        }

        NormHeads(w.RawQueries, weights.QueryNorm, w.Queries, rows);
        NormHeads(w.RawKeys, weights.KeyNorm, w.Keys, rows);
        Rope(layer, rows, inverse: false);
    }

    /// <summary>Hidden += the heads' outputs, projected.</summary>
    public void AddAttended(LayerWeights weights, int layer, int rows)
    {
        foreach ((int start, int count) in Chunks(rows))
        {
            Add(
                workspace.Attended.From(start), start, count, weights.Output, weights.OutputBias, weights.AttentionOutputNorm,
                config.LayerDescriptions[layer]);
        }
    }

    /// <summary>Hidden += MLP(Hidden).</summary>
    public void FeedForward(LayerWeights weights, int layer, int rows)
    {
        LayerDescription description = config.LayerDescriptions[layer];
        FeedForwardWeights network = weights.FeedForward[0];
        foreach ((int start, int count) in Chunks(rows))
        {
            if (workspace.Experts[layer] is { } experts)
            {
                RunExperts(experts, weights, description.FeedForward, start, count);
                AddBranch(start, count, weights.FeedForwardOutputNorm, description);
                continue;
            }

            GateAndUp(weights, network, start, count);
            backend.Activate(description.FeedForward.Activation, workspace.Gate, workspace.Up, count);
            Add(workspace.Gate, start, count, network.Down, network.DownBias, weights.FeedForwardOutputNorm, description);
        }
    }

    /// <summary>Gradient: from the layer's output to between attention and MLP, which is in Hidden.</summary>
    public void FeedForwardGradient(LayerWeights weights, int layer, int rows)
    {
        ProfilerWorkspace w = workspace;
        LayerDescription description = config.LayerDescriptions[layer];
        FeedForwardWeights network = weights.FeedForward[0];
        foreach ((int start, int count) in Chunks(rows))
        {
            if (w.Experts[layer] is { } experts)
            {
                RunExperts(experts, weights, description.FeedForward, start, count);
                ExpertsGradient(experts, weights, description.FeedForward, count, BranchGradient(start, count, weights.FeedForwardOutputNorm, description));
                NormGradient(start, count, weights.FeedForwardNorm);
                continue;
            }

            GateAndUp(weights, network, start, count);
            if (weights.FeedForwardOutputNorm is not null)
            {
                kernels.Copy(w.Gate, count, w.Activated);
                backend.Activate(description.FeedForward.Activation, w.Activated, w.Up, count);
                backend.Project(w.Activated, count, network.Down, network.DownBias, w.Branch);
            }

            Tensor gradient = BranchGradient(start, count, weights.FeedForwardOutputNorm, description);
            kernels.ProjectGradient(gradient, count, network.Down, w.Activated);
            kernels.ActivationGradient(description.FeedForward.Activation, w.Gate, w.Up, w.Activated, count);
            kernels.ProjectGradient(w.Gate, count, network.Gate, w.Normed);
            kernels.ProjectGradient(w.Up, count, network.Up, w.Normed, accumulate: true);
            NormGradient(start, count, weights.FeedForwardNorm);
        }
    }

    /// <summary>Attended: the gradient at the heads' outputs. Where a norm follows their projection, it holds these outputs before.</summary>
    public void OutputGradient(LayerWeights weights, int layer, int rows)
    {
        ProfilerWorkspace w = workspace;
        foreach ((int start, int count) in Chunks(rows))
        {
            Tensor attended = w.Attended.From(start);
            if (weights.AttentionOutputNorm is not null)
                backend.Project(attended, count, weights.Output, weights.OutputBias, w.Branch);
            Tensor gradient = BranchGradient(start, count, weights.AttentionOutputNorm, config.LayerDescriptions[layer]);
            kernels.ProjectGradient(gradient, count, weights.Output, attended);
        }
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
            NormGradient(start, count, weights.AttentionNorm);
        }
    }

    private static IEnumerable<(int Start, int Count)> Chunks(int rows)
    {
        for (int start = 0; start < rows; start += ProfilerWorkspace.ChunkRows)
            yield return (start, Math.Min(ProfilerWorkspace.ChunkRows, rows - start));
    }

    // What a branch starts from: a chunk of Hidden, or a norm of it.
    private Tensor Norm(int start, int count, WeightTensor? norm)
    {
        Tensor hidden = workspace.Hidden.From(start);
        if (norm is null)
            return hidden;
        backend.RmsNorm(hidden, count, norm, _epsilon, workspace.Normed);
        return workspace.Normed;
    }

    // Gradient += that of what a branch starts from, which is in Normed, back through its norm.
    private void NormGradient(int start, int count, WeightTensor? norm)
    {
        ProfilerWorkspace w = workspace;
        Tensor gradient = w.Gradient.From(start);
        if (norm is null)
            backend.Add(w.Normed, count, 1, gradient);
        else
            kernels.RmsNormGradient(w.Hidden.From(start), count, norm, _epsilon, w.Normed, gradient, accumulate: true);
    }

    // Projects what a branch ends in, and adds it to a chunk of Hidden.
    private void Add(Tensor x, int start, int count, WeightTensor weight, WeightTensor? bias, WeightTensor? norm, LayerDescription description)
    {
        ProfilerWorkspace w = workspace;
        Tensor hidden = w.Hidden.From(start);
        if (norm is null && description.ResidualScale == 1)
        {
            backend.Project(x, count, weight, bias, hidden, accumulate: true);
            return;
        }

        backend.Project(x, count, weight, bias, w.Branch);
        AddBranch(start, count, norm, description);
    }

    // Adds Branch to a chunk of Hidden.
    private void AddBranch(int start, int count, WeightTensor? norm, LayerDescription description)
    {
        ProfilerWorkspace w = workspace;
        if (norm is not null)
            backend.RmsNorm(w.Branch, count, norm, _epsilon, w.Branch);
        backend.Add(w.Branch, count, (float)description.ResidualScale, w.Hidden.From(start));
    }

    // Branch: what the experts make of a chunk of Hidden.
    private void RunExperts(ExpertTensors experts, LayerWeights weights, FeedForwardDescription description, int start, int count)
    {
        ExpertWork work = experts.Work;
        Tensor inputs = Norm(start, count, weights.FeedForwardNorm);
        backend.Project(inputs, count, weights.Router!, weights.RouterBias, work.Scores);
        backend.ChooseExperts(work, count, description.Experts!.IsNormalized);
        backend.EnterExperts(inputs, work, weights.FeedForward);
        kernels.Copy(work.Gate, work.Places, experts.Gate);
        backend.Activate(description.Activation, work.Gate, work.Up, work.Places);
        backend.LeaveExperts(work, weights.FeedForward, workspace.Branch, accumulate: false);
    }

    // Normed: the gradient at the inputs of experts that have just run, and of their router. Those that nobody uses are not read.
    private void ExpertsGradient(ExpertTensors experts, LayerWeights weights, FeedForwardDescription description, int count, Tensor gradient)
    {
        ExpertWork work = experts.Work;
        kernels.ExpertSumGradient(gradient, work, description.Experts!.IsNormalized);
        foreach ((FeedForwardWeights expert, int place, int places) in Used(work, weights))
            kernels.ProjectGradient(work.Outputs.From(place), places, expert.Down, work.Gate.From(place));
        kernels.ActivationGradient(description.Activation, experts.Gate, work.Up, work.Gate, work.Places);
        foreach ((FeedForwardWeights expert, int place, int places) in Used(work, weights))
        {
            kernels.ProjectGradient(experts.Gate.From(place), places, expert.Gate, work.Outputs.From(place));
            kernels.ProjectGradient(work.Up.From(place), places, expert.Up, work.Outputs.From(place), accumulate: true);
        }

        kernels.SumPlaces(work, workspace.Normed);
        kernels.ProjectGradient(work.Scores, count, weights.Router!, workspace.Normed, accumulate: true);
    }

    // The experts that are used, with their first place and how many they have.
    private static IEnumerable<(FeedForwardWeights Expert, int Place, int Places)> Used(ExpertWork work, LayerWeights weights) =>
        Enumerable.Range(0, work.Experts).Select(expert => (Expert: expert, Range: work.PlacesOf(expert)))
            .Where(entry => entry.Range.Count > 0)
            .Select(entry => (weights.FeedForward[entry.Expert], entry.Range.First, entry.Range.Count));

    // Of a chunk of Gradient what arrives at a branch's last projection. Where a norm follows that, Branch holds what it projected.
    private Tensor BranchGradient(int start, int count, WeightTensor? norm, LayerDescription description)
    {
        ProfilerWorkspace w = workspace;
        Tensor gradient = w.Gradient.From(start);
        if (norm is null && description.ResidualScale == 1)
            return gradient;
        kernels.Copy(gradient, count, w.BranchGradient);
        if (description.ResidualScale != 1)
            backend.Scale(w.BranchGradient, count, (float)description.ResidualScale);
        if (norm is not null)
            kernels.RmsNormGradient(w.Branch, count, norm, _epsilon, w.BranchGradient, w.BranchGradient);
        return w.BranchGradient;
    }

    // Of a chunk of Hidden, before the activation.
    private void GateAndUp(LayerWeights weights, FeedForwardWeights network, int start, int count)
    {
        Tensor inputs = Norm(start, count, weights.FeedForwardNorm);
        backend.Project(inputs, count, network.Gate, network.GateBias, workspace.Gate);
        backend.Project(inputs, count, network.Up, network.UpBias, workspace.Up);
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
