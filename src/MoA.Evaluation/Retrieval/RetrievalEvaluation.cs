using System.Globalization;
using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;
using MoA.Evaluation.Tasks;
using MoA.Search;
using MoA.Search.Calibration;
using MoA.Search.Units;

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

    /// <summary>Others who answer what the journal lacks; null for none.</summary>
    public IUnitWorkers? Workers { get; init; }

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
        [
            .. set.Items.Select((item, i) =>
            {
                int[] prompt = questions.EncodePrompt(item.Prompt, item.AnswerStart);
                return Item(item, prompt) with { Id = $"{set.TargetTokens}/{i}", QuestionStart = QuestionStart(questions, item.Prompt, prompt) };
            }),
        ];
        return new EvaluationSet("retrieval", set.TargetTokens, AnswerScorer.For(questions, "last-number"), items) { DepthBins = set.DepthBins, Source = source };
    }

    /// <summary>Lets the workers answer what the journal lacks; <see cref="Run"/> then finds it there.</summary>
    /// <param name="runs">Sets and policies.</param>
    /// <param name="cancellation">Ends the work; what was finished is in the journal.</param>
    public void Share(IReadOnlyList<(RetrievalSet Set, AttentionPolicy Policy)> runs, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(runs);
        if (Workers is null)
            return;
        (string Title, AskedGroup Group)[] missing =
        [
            .. from run in runs
               from items in GroupsOf(run.Policy, run.Set)
               let asked = Ask(run.Policy, items)
               where !journal.TryGet(asked.Key, out _)
               select ($"{run.Policy.Name} at {run.Set.TargetTokens}", asked),
        ];
        int done = runs.Sum(run => run.Set.Items.Count) - missing.Sum(entry => entry.Group.Items.Length);
        ILookup<string, int> questions = missing.ToLookup(entry => entry.Group.Key, entry => entry.Group.Items.Length); // policies may be alike
        missing = [.. missing.DistinctBy(entry => entry.Group.Key)];
        Workers.Run(
            [.. missing.Select(entry => _writer.UnitOf(entry.Group.Policy, entry.Group.Items))],
            inOrder: false,
            (i, result) =>
            {
                (string title, AskedGroup asked) = missing[i];
                Keep(asked.Key, _writer.Read(result, asked.Items.Length));
                done += questions[asked.Key].Sum();
                progress?.Invoke(new StepProgress("evaluate", title, done, Math.Max(Total, done), _writer.Tokens));
                return null;
            },
            cancellation);
    }

    /// <summary>Asks all questions of a set under a policy.</summary>
    public RetrievalScore Run(AttentionPolicy policy, RetrievalSet set, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(set);
        int[] asked = new int[set.DepthBins], hits = new int[set.DepthBins];
        int exact = 0;
        long bytes = 0;
        foreach (RetrievalItem[] group in GroupsOf(policy, set))
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
                "evaluate", $"{policy.FullName} at {set.TargetTokens}", _done, Math.Max(Total, _done), _writer.Tokens));
        }

        return new RetrievalScore(
            policy.FullName, set.TargetTokens, set.Items.Count, hits.Sum(), exact, policy.Density(model.Config, set.TargetTokens),
            bytes / set.Items.Count, [.. asked.Select((n, bin) => n == 0 ? (double?)null : (double)hits[bin] / n)]);
    }

    private IEnumerable<RetrievalItem[]> GroupsOf(AttentionPolicy policy, RetrievalSet set)
    {
        long bytesOfOne = SequenceCache.EstimateBytes(model.Config, policy, set.TargetTokens + MaxAnswerTokens, cacheType);
        return SequenceGroups.Of(set.Items, _ => bytesOfOne, GroupSize);
    }

    private AskedGroup Ask(AttentionPolicy policy, RetrievalItem[] group)
    {
        int[][] prompts = [.. group.Select(item => _questions.EncodePrompt(item.Prompt, item.AnswerStart))];
        string spans = string.Join(
            '|', prompts.Select(prompt => policy.Identity(model.Config, prompt.Length + MaxAnswerTokens)));
        string key = "retrieval/" + ResultJournal.Hash(
            modelFingerprint, cacheType.Name(), spans, string.Join(';', prompts.Select(prompt => string.Join(',', prompt))));
        return new AskedGroup(key, policy, [.. group.Zip(prompts, Item)]);
    }

    private WrittenAnswer[] AskGroup(AttentionPolicy policy, RetrievalItem[] group, CancellationToken cancellation)
    {
        AskedGroup asked = Ask(policy, group);
        if (journal.TryGet(asked.Key, out JsonElement known))
        {
            return [.. known.EnumerateArray().Select(answer => new WrittenAnswer(
                answer.GetProperty("text").GetString()!, 0, answer.GetProperty("kvBytes").GetInt64()))];
        }

        WrittenAnswer[] answers = _writer.Write(policy, asked.Items, cancellation);
        Keep(asked.Key, answers);
        return answers;
    }

    private void Keep(string key, WrittenAnswer[] answers) => journal.Add(key, writer =>
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

    // The question is the last line.
    internal static int QuestionStart(QuestionEncoder questions, IReadOnlyList<ChatMessage> messages, int[] prompt)
    {
        string text = messages[^1].Content;
        ChatMessage record = messages[^1] with { Content = text[..(text.LastIndexOf('\n') + 1)] };
        return prompt.AsSpan().CommonPrefixLength(questions.EncodePrompt([.. messages.SkipLast(1), record]));
    }

    private static EvaluationItem Item(RetrievalItem item, int[] prompt) => new("retrieval", prompt, new ItemReference
    {
        Answers = [item.Document.ExpectedValue?.ToString(CultureInfo.InvariantCulture) ?? ""],
        Depth = item.Document.Depth,
    })
    { MaxNewTokens = MaxAnswerTokens };

    private sealed record AskedGroup(string Key, AttentionPolicy Policy, EvaluationItem[] Items);
}
