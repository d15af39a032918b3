using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Engine.Generation;

/// <summary>
/// Continues many prompts of any lengths as one ragged batch. A prompt joins as soon as its caches fit beside those that are
/// under way: none waits for the slowest of a group.
/// </summary>
internal sealed class PromptBatch
{
    private readonly LanguageModel _model;
    private readonly AttentionPolicy _policy;
    private readonly ElementType _cacheType;
    private readonly GenerationLoop _loop;

    /// <summary>A batch over a model.</summary>
    /// <param name="model">The model; stays the caller's.</param>
    /// <param name="policy">Which rows stay.</param>
    /// <param name="cacheType">Format of the KV rows.</param>
    public PromptBatch(LanguageModel model, AttentionPolicy policy, ElementType cacheType = ElementType.BF16)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        _policy = policy;
        _cacheType = cacheType;
        _loop = new GenerationLoop(model.Transformer);
    }

    /// <summary>Bytes of KV caches at one time; a single larger sequence runs alone.</summary>
    public long CacheBytes { get; init; } = SequenceGroups.BudgetBytes;

    /// <summary>Most sequences at one time; more than the default make a step no cheaper for each.</summary>
    public int MaxSequences { get; init; } = 64;

    /// <summary>Runs all prompts to their ends.</summary>
    /// <param name="requests">The prompts; they join in this order. They are asked for when there is room.</param>
    /// <param name="onResult">Sees each result when it is there, in the order in which the sequences end.</param>
    /// <param name="onStep">Sees the number of tokens of each forward pass.</param>
    /// <param name="cancellation">Checked between forward passes, and between the layers of those that read prompts.</param>
    /// <exception cref="InvalidInputException">A prompt leaves no room in the model's context, or has an unknown token.</exception>
    public void Run(
        IEnumerable<PromptRequest> requests, Action<PromptResult> onResult, Action<int>? onStep = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        ArgumentNullException.ThrowIfNull(onResult);
        using IEnumerator<PromptRequest> waiting = requests.GetEnumerator();
        List<(int Index, TextRun Text)> active = [];
        int most = Math.Min(MaxSequences, _model.Transformer.MaxRows), joined = 0;
        bool more = waiting.MoveNext();
        try
        {
            while (more || active.Count > 0)
            {
                for (; more && active.Count < most && Join(waiting.Current, joined, active); joined++)
                    more = waiting.MoveNext();
                cancellation.ThrowIfCancellationRequested();
                int rows = _loop.Step(cancellation);
                onStep?.Invoke(rows);
                for (int i = 0; i < active.Count;)
                {
                    (int index, TextRun text) = active[i];
                    if (text.Run.Finish == FinishReason.None)
                    {
                        i++;
                        continue;
                    }

                    active.RemoveAt(i);
                    using SequenceCache sequence = text.Run.Sequence;
                    onResult(new PromptResult(index, text.End(), sequence.Bytes));
                }
            }
        }
        finally
        {
            foreach ((_, TextRun text) in active)
            {
                _ = _loop.Remove(text.Run);
                text.Run.Sequence.Dispose();
            }
        }
    }

    private bool Join(PromptRequest request, int index, List<(int Index, TextRun Text)> active)
    {
        int capacity = request.Prompt.Length +
            _model.RoomFor(request.Prompt.Length, request.Options.MaxNewTokens, $"prompt {index + 1}");
        long bytes = SequenceCache.EstimateBytes(_model.Config, _policy, capacity, _cacheType);
        if (active.Count > 0 && bytes > CacheBytes - active.Sum(run => run.Text.Run.Sequence.Bytes))
            return false;
        SequenceCache sequence = _model.Transformer.CreateSequence(_policy, capacity, _cacheType);
        try
        {
            TextRun text = new(_model, sequence, request.Prompt, request.Options);
            _loop.Add(text.Run);
            active.Add((index, text));
            return true;
        }
        catch
        {
            sequence.Dispose();
            throw;
        }
    }
}
