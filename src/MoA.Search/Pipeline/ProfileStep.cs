using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Search.Calibration;
using MoA.Search.Profiling;
using MoA.Search.Units;

namespace MoA.Search.Pipeline;

/// <summary>The profile step over encoded items.</summary>
internal static class ProfileStep
{
    /// <summary>Measures influence at every length and writes <c>influence-N.safetensors</c> to the folder.</summary>
    /// <param name="model">The model.</param>
    /// <param name="items">The items; each is used at the lengths that it fits.</param>
    /// <param name="lengths">Lengths N in tokens, multiples of 64.</param>
    /// <param name="folder">Where the files go.</param>
    /// <param name="progress">Told of every finished item.</param>
    /// <param name="workers">Others who profile what the partial sums lack; null for none.</param>
    /// <param name="memoryLimit">Bytes that profiling may take beside the weights (<see cref="ProfileRun"/>).</param>
    /// <param name="block">Tokens in a block by which influence is summed.</param>
    /// <param name="plan">The plan under which influence is taken; null: of the model as it is.</param>
    /// <param name="scorer">The scorer, as plan files name it, in whose order influence is summed; null: in that of positions.</param>
    /// <param name="cancellation">Looked at between layers.</param>
    public static ProfileReport Run(
        LanguageModel model,
        IReadOnlyList<EncodedItem> items,
        IReadOnlyList<int> lengths,
        string folder,
        Action<StepProgress>? progress = null,
        IUnitWorkers? workers = null,
        long? memoryLimit = null,
        int block = ElasticRule.BlockSize,
        PlanPolicy? plan = null,
        string? scorer = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(lengths);
        int total = lengths.Sum(length => items.Count(item => CalibrationSummary.IsUsedAt(item.Length, length)));
        long tokens = 0;
        ProfileRun run = new(model.Loaded, model.Transformer.Backend, folder, item =>
        {
            tokens += item.Tokens;
            progress?.Invoke(new StepProgress("profile", $"{item.Length} tokens", item.Done, Math.Max(total, item.Done), tokens));
        }, memoryLimit)
        {
            Workers = workers,
            Block = block,
            Plan = plan,
            Scorer = scorer,
        };
        return run.Run(
            [.. items.Select(item => new ProfileItem(item.Tokens, item.AnswerSpans(), item.Item.Origin))], lengths, cancellation);
    }
}
