using System.Globalization;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Search;

namespace MoA.Evaluation.Prompts;

/// <summary>Runs the prompts of a file as one ragged batch and keeps every result at once; a run that was interrupted goes on.</summary>
/// <param name="model">The model; stays the caller's.</param>
/// <param name="policy">Which rows of the past stay.</param>
/// <param name="options">How tokens are drawn, and where texts end; prompts say how many tokens.</param>
/// <param name="cacheType">Format of the KV rows.</param>
/// <param name="cacheBytes">Bytes of KV caches at one time.</param>
internal sealed class PromptRun(
    LanguageModel model, AttentionPolicy policy, GenerationOptions options, ElementType cacheType, long cacheBytes)
{
    /// <summary>Runs what is not yet in the results file, and leaves that in the order of the prompts.</summary>
    /// <param name="items">The prompts.</param>
    /// <param name="path">The results file.</param>
    /// <param name="progress">Told after every result.</param>
    /// <param name="cancellation">Ends the run; what is finished stays.</param>
    /// <returns>Results that were there before.</returns>
    /// <exception cref="MoA.Engine.InvalidInputException">The file cannot be written, or holds something else.</exception>
    public int Run(
        IReadOnlyList<PromptItem> items, string path, Action<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(items);
        string settings = Settings();
        string[] keys = [.. items.Select((item, i) => Key(settings, item, SamplingOf(i)))];
        using PromptResultFile file = PromptResultFile.Open(path, keys.ToHashSet());
        int[] open = [.. Enumerable.Range(0, items.Count).Where(i => !file.Holds(keys[i]))];
        int done = items.Count - open.Length;
        long tokens = 0;
        new PromptBatch(model, policy, cacheType) { CacheBytes = cacheBytes }.Run(
            open.Select(i => new PromptRequest(
                items[i].Prompt.Tokens, options with
                {
                    MaxNewTokens = items[i].MaxNewTokens,
                    Sampling = SamplingOf(i),
                    ContinuesPrompt = !items[i].Prompt.IsMessage,
                })),
            result =>
            {
                int i = open[result.Index];
                file.Add(keys[i], items[i], result, model);
                progress?.Invoke(new StepProgress("generate", $"prompt {items[i].Id.GetRawText()}", ++done, items.Count, tokens));
            },
            rows => tokens += rows, cancellation);
        file.Complete(keys);
        return items.Count - open.Length;
    }

    // Equal prompts are to draw different tokens, and each the same ones whatever runs beside it.
    private SamplingOptions SamplingOf(int index) => options.Sampling.Temperature == 0
        ? options.Sampling
        : options.Sampling with { Seed = options.Sampling.Seed + (ulong)index };

    private string Settings() => ResultJournal.Hash(
        [ModelFingerprint.Of(model), policy.FullName, cacheType.Name(), options.LogProbabilities?.ToString(CultureInfo.InvariantCulture) ?? "", .. options.Stop]);

    private string Key(string settings, PromptItem item, SamplingOptions sampling) => ResultJournal.Hash(
        settings, policy.Identity(model.Config, item.Prompt.Tokens.Length + item.MaxNewTokens), sampling.ToString(),
        item.Id.GetRawText(), item.Prompt.IsMessage ? "answer" : "continuation", string.Join(',', item.Prompt.Tokens), item.MaxNewTokens.ToString(CultureInfo.InvariantCulture));
}
