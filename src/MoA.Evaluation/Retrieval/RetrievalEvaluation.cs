using System.Globalization;
using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Evaluation.Tasks;
using MoA.Search;
using MoA.Search.Calibration;

namespace MoA.Evaluation.Retrieval;

/// <summary>
/// Line retrieval as in LongEval: the model reads a long record, is asked for one line's number and answers greedily
/// through the policy's caches. Right if the last integer of the answer is the expected one (docs/method.md, section 8).
/// </summary>
internal sealed class RetrievalEvaluation(
    LanguageModel model, ResultJournal journal, string modelFingerprint, ElementType cacheType, Action<StepProgress>? progress)
{
    /// <summary>Tokens that an answer may take.</summary>
    public const int MaxAnswerTokens = 48;

    private const int GroupSize = 10;

    private readonly AnswerGenerator _writer = new(model, cacheType);
    private readonly QuestionEncoder _questions = new(model);
    private int _done;

    /// <summary>Questions that are to come in all, for progress.</summary>
    public int Total { get; init; }

    /// <summary>Questions about records of up to a length, spread over ten depths.</summary>
    /// <param name="model">The model whose tokens are counted.</param>
    /// <param name="length">Most tokens of prompt and answer together, with <see cref="MaxAnswerTokens"/> for the answer.</param>
    /// <param name="items">Number of questions.</param>
    /// <param name="seed">The same seed gives the same questions.</param>
    public static RetrievalSet CreateSet(LanguageModel model, int length, int items, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(model);
        const int DepthBins = 10;
        RecordDocument records = new(new QuestionEncoder(model).CreateCounter(MaxAnswerTokens));
        return RetrievalSet.Create(records, length, items, DepthBins, seed);
    }

    /// <summary>The questions of a set as items, each with the expected number and its depth.</summary>
    public static EvaluationSet ItemsOf(LanguageModel model, RetrievalSet set, string source)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(set);
        QuestionEncoder questions = new(model);
        EvaluationItem[] items =
            [.. set.Items.Select((item, i) => Item(item, questions.EncodePrompt(item.Prompt, item.AnswerStart)) with { Id = $"{set.TargetTokens}/{i}" })];
        return new EvaluationSet("retrieval", set.TargetTokens, AnswerScorer.For(questions, "last-number"), items) { DepthBins = set.DepthBins, Source = source };
    }

    /// <summary>Asks all questions of a set under a policy.</summary>
    public RetrievalScore Run(AttentionPolicy policy, RetrievalSet set, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(set);
        int[] asked = new int[set.DepthBins], hits = new int[set.DepthBins];
        int exact = 0;
        long bytes = 0;
        long bytesOfOne = SequenceCache.EstimateBytes(model.Config, policy, set.TargetTokens + MaxAnswerTokens, cacheType);
        foreach (RetrievalItem[] group in SequenceGroups.Of(set.Items, _ => bytesOfOne, GroupSize))
        {
            WrittenAnswer[] answers = AskGroup(policy, group, cancellation);
            for (int i = 0; i < group.Length; i++)
            {
                RetrievalVerdict verdict = group[i].Judge(_questions.IsPlainText ? group[i].AnswerIn(answers[i].Text) : answers[i].Text);
                asked[group[i].DepthBin]++;
                hits[group[i].DepthBin] += verdict.Correct ? 1 : 0;
                exact += verdict.Exact ? 1 : 0;
                bytes += answers[i].KvBytes;
            }

            _done += group.Length;
            progress?.Invoke(new StepProgress(
                "evaluate", $"{policy.Name} at {set.TargetTokens}", _done, Math.Max(Total, _done), _writer.Tokens));
        }

        return new RetrievalScore(
            policy.Name, set.TargetTokens, set.Items.Count, hits.Sum(), exact, policy.Density(model.Config, set.TargetTokens),
            bytes / set.Items.Count, [.. asked.Select((n, bin) => n == 0 ? (double?)null : (double)hits[bin] / n)]);
    }

    private WrittenAnswer[] AskGroup(AttentionPolicy policy, RetrievalItem[] group, CancellationToken cancellation)
    {
        int[][] prompts = [.. group.Select(item => _questions.EncodePrompt(item.Prompt, item.AnswerStart))];
        string spans = string.Join(
            '|', prompts.Select(prompt => policy.Describe(model.Config, prompt.Length + MaxAnswerTokens)));
        string key = "retrieval/" + ResultJournal.Hash(
            modelFingerprint, cacheType.Name(), spans, string.Join(';', prompts.Select(prompt => string.Join(',', prompt))));
        if (journal.TryGet(key, out JsonElement known))
        {
            return [.. known.EnumerateArray().Select(answer => new WrittenAnswer(
                answer.GetProperty("text").GetString()!, 0, answer.GetProperty("kvBytes").GetInt64()))];
        }

        WrittenAnswer[] answers = _writer.Write(policy, [.. group.Zip(prompts, Item)], cancellation);
        journal.Add(key, writer =>
        {
            writer.WriteStartArray();
            foreach (WrittenAnswer answer in answers)
            {
                writer.WriteStartObject();
                writer.WriteString("text", answer.Text);
                writer.WriteNumber("kvBytes", answer.KvBytes);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        });
        return answers;
    }

    private static EvaluationItem Item(RetrievalItem item, int[] prompt) => new("retrieval", prompt, new ItemReference
    {
        Answers = [item.Document.ExpectedValue?.ToString(CultureInfo.InvariantCulture) ?? ""],
        Depth = item.Document.Depth,
    })
    { MaxNewTokens = MaxAnswerTokens };
}
