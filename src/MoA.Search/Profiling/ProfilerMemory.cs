using System.Globalization;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Kernels.Gradients;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;

namespace MoA.Search.Profiling;

/// <summary>
/// The memory that profiling items of up to n tokens takes beside the weights, in bytes. For L layers of width h, MLP
/// width f, H query and G KV heads of size d and c = min(n, 1024):
/// kept are <c>2·L·n·h</c> floats, which can be on disk; worked on are <c>n·(2·h + 2·H·d + 2·G·d + r)</c>, r the components that RoPE turns
/// (with norms of queries and keys <c>n·(H + G)·d</c> more), <c>c·(h + 3·f)</c> (with norms or scales behind attention and MLP, or experts, <c>2·c·h</c> more; with k of E experts of width f used <c>c·(E + k·(3·f + h + 5))</c> more), the logits of some rows, and what the backend needs beside
/// (<see cref="ComputeBackend.GradientBytes"/>); in the order of scores one layer's rows, <c>2·n·G·d</c> floats, and <c>G·n²/(2·p)</c> integers for pieces of p tokens. The block sums are <c>L·H·⌈N/b⌉²</c> doubles, and as many floats for the item under way and the mean.
/// </summary>
/// <param name="Kept">What the forward pass keeps for the backward pass.</param>
/// <param name="Working">Activations of one layer, and what the backend needs beside.</param>
/// <param name="BlockSums">The influence.</param>
internal sealed record ProfilerMemory(long Kept, long Working, long BlockSums)
{
    /// <summary>Reckons.</summary>
    /// <param name="model">The model.</param>
    /// <param name="backend">The device.</param>
    /// <param name="maxTokens">n.</param>
    /// <param name="length">N, the length that is profiled, at least n.</param>
    /// <param name="block">b, tokens in a block.</param>
    /// <param name="content">By whose scores influence is summed; null: by positions.</param>
    public static ProfilerMemory Of(
        LoadedModel model, ComputeBackend backend, int maxTokens, int length, int block = ElasticRule.BlockSize, ContentPlanPolicy? content = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(backend);
        ModelConfig config = model.Config;
        long hidden = config.HiddenSize, size = config.HeadSize, n = maxTokens;
        long queries = config.QueryHeads * size, keys = config.KeyValueHeads * size;
        long chunk = Math.Min(n, ProfilerWorkspace.ChunkRows), logitRows = ProfilerWorkspace.MostLogitRowsOf(config, maxTokens);
        long rows = n * (2 * hidden + 2 * queries + 2 * keys + RotaryAngles.RowElements(config) + (NormsHeads(model) ? queries + keys : 0));
        long chunks = chunk * ((ProfilerWorkspace.BranchesChange(config) ? 3 : 1) * hidden + 3 * config.IntermediateSize) + logitRows * (2 * hidden + config.VocabularySize);
        long operand = Math.Max(chunk * Math.Max(hidden, Math.Max(queries, config.IntermediateSize)), logitRows * config.VocabularySize);
        long blocks = (length + block - 1) / block;
        long ranks = content is null ? 0 : sizeof(int) * ContentRanks.Count(config.KeyValueHeads, maxTokens, content.PieceTokens)
            + 2 * n * keys * sizeof(float) + AttentionNotes.MostBytes(config, content, maxTokens) / Math.Max(1, config.UnboundedLayers.Count);
        return new ProfilerMemory(
            sizeof(float) * 2 * config.Layers * n * hidden,
            sizeof(float) * (rows + chunks) + ExpertShape.Of(config).Sum(shape => ExpertTensors.BytesOf((int)chunk, shape)) + backend.GradientBytes(config, maxTokens, operand) + ranks,
            (sizeof(double) + 2 * sizeof(float)) * config.Layers * config.QueryHeads * blocks * blocks);
    }

    /// <summary>Whether what is kept goes to disk.</summary>
    /// <param name="limit">Bytes that all of it may take; null for what the device has, beyond which the rest may go too.</param>
    /// <param name="backend">The device.</param>
    /// <param name="maxTokens">The longest item, for the message.</param>
    /// <param name="length">The length that is profiled, for the message.</param>
    /// <exception cref="InvalidInputException">What has to be in memory is more than the limit.</exception>
    public bool Spills(long? limit, ComputeBackend backend, int maxTokens, int length)
    {
        if (Kept + Working + BlockSums <= (limit ?? backend.AvailableBytes))
            return false;
        if (limit is null || Working + BlockSums <= limit)
            return true;
        throw new InvalidInputException(string.Create(CultureInfo.InvariantCulture,
            $"profile length {length}: a memory limit of {limit / 1048576.0:0.#} MiB is too low; beside weights and what goes to disk, items of "
            + $"{maxTokens} tokens take {(Working + BlockSums) / 1048576.0:0.#} MiB: allow that much, or choose shorter lengths"));
    }

    /// <summary>Whether a model has norms of queries and keys.</summary>
    internal static bool NormsHeads(LoadedModel model) =>
        model.Weights.Layers.Any(layer => layer.QueryNorm is not null || layer.KeyNorm is not null);
}
