using MoA.Engine.Generation;
using MoA.Search.Calibration;
using MoA.Search.Profiling;

namespace MoA.Search.Pipeline;

/// <summary>The profile step over encoded items.</summary>
public static class ProfileStep
{
    /// <summary>Measures influence at every length and writes <c>influence-N.safetensors</c> to the folder.</summary>
    public static ProfileReport Run(
        LanguageModel model,
        IReadOnlyList<EncodedItem> items,
        IReadOnlyList<int> lengths,
        string folder,
        Action<StepProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(lengths);
        int total = lengths.Sum(length => items.Count(item => CalibrationSummary.IsUsedAt(item.Length, length)));
        long tokens = 0;
        int done = 0;
        ProfileRun run = new(model.Loaded, model.Transformer.Backend, folder, item =>
        {
            // A resumed run starts with the items that an earlier one finished.
            done = lengths.TakeWhile(length => length != item.Length)
                .Sum(length => items.Count(other => CalibrationSummary.IsUsedAt(other.Length, length))) + item.Item;
            tokens += item.Tokens;
            progress?.Invoke(new StepProgress("profile", $"{item.Length} tokens", done, Math.Max(total, done), tokens));
        });
        return run.Run(
            [.. items.Select(item => new ProfileItem(item.Tokens, item.AnswerSpans(), item.Item.Origin))], lengths, cancellation);
    }
}
