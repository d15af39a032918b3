using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;
using MoA.Search.Units;

namespace MoA.Search.Calibration;

/// <summary>
/// Lets the dense model answer the questions of conversations, greedily, several at a time. Finished groups are kept in
/// the journal; a group is always answered as a whole, so that what an interrupted run leaves is what a whole one gives.
/// </summary>
internal sealed class AnswerWriter(
    LanguageModel model, ResultJournal journal, string modelFingerprint, ElementType cacheType, Action<StepProgress>? progress)
{
    private const int GroupSize = 8;

    private long _tokens;

    /// <summary>Others who answer what the journal lacks; null for none.</summary>
    public IUnitWorkers? Workers { get; init; }

    /// <summary>
    /// The items with their assistant messages replaced by the model's own. One question gives exactly the tokens that
    /// the model wrote; later turns are encoded with the earlier answers as text. What follows the last assistant message
    /// is left out, and an item without one stays as it is.
    /// </summary>
    public IReadOnlyList<CalibrationItem> Answer(
        IReadOnlyList<MessagesItem> items, int maxAnswerTokens, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(items);
        List<CalibrationItem> answered = new(items.Count);
        foreach (AnsweredGroup group in Groups(items, maxAnswerTokens))
        {
            while (group.Questions is { } questions)
                group.Take(Generate(questions, cancellation));
            answered.AddRange(group.Items);
            progress?.Invoke(new StepProgress("calibrate", "answers", answered.Count, items.Count, _tokens));
        }

        return answered;
    }

    /// <summary>Lets the workers answer what the journal lacks of several sets; <see cref="Answer"/> then finds it there.</summary>
    /// <param name="sets">Items, and the most tokens of an answer to them.</param>
    /// <param name="cancellation">Ends the work; what was finished is in the journal.</param>
    public void Share(IReadOnlyList<(IReadOnlyList<MessagesItem> Items, int MaxAnswerTokens)> sets, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sets);
        if (Workers is null)
            return;
        int done = 0, total = sets.Sum(set => set.Items.Count);
        List<(AnsweredGroup Group, WorkUnit Unit)> open = [];
        foreach (AnsweredGroup group in sets.Where(set => set.Items.Count > 0).SelectMany(set => Groups(set.Items, set.MaxAnswerTokens)))
        {
            if (Advance(group) is WorkUnit unit)
                open.Add((group, unit));
            else
                done += group.Items.Count;
        }

        Workers.Run([.. open.Select(entry => entry.Unit)], inOrder: false, (i, result) =>
        {
            AnsweredGroup group = open[i].Group;
            GroupAnswers answers = AnswersUnit.ReadResult(result, group.Questions!.Length, model.Config);
            _tokens += answers.Processed;
            group.Take(Keep(KeyOf(group.Questions), answers));
            WorkUnit? next = Advance(group);
            done += next is null ? group.Items.Count : 0;
            progress?.Invoke(new StepProgress("calibrate", "answers", done, total, _tokens));
            return next;
        }, cancellation);
    }

    // As far as the journal goes; the unit that is to come then, or null at the end.
    private WorkUnit? Advance(AnsweredGroup group)
    {
        while (group.Questions is { } questions)
        {
            if (Known(KeyOf(questions)) is not { } outputs)
                return AnswersUnit.Of(AttentionPolicy.Dense, cacheType, questions);
            group.Take(outputs);
        }

        return null;
    }

    private IEnumerable<AnsweredGroup> Groups(IReadOnlyList<MessagesItem> items, int maxAnswerTokens)
    {
        ConversationEncoder encoder = model.RequireConversations();
        return SequenceGroups.Of(items, CacheBytes, GroupSize).Select(group => new AnsweredGroup(model, group, maxAnswerTokens));

        long CacheBytes(MessagesItem item) => SequenceCache.EstimateBytes(
            model.Config, AttentionPolicy.Dense, encoder.EncodePrompt(item.Messages).Length + maxAnswerTokens, cacheType);
    }

    private int[][] Generate(Question[] questions, CancellationToken cancellation)
    {
        string key = KeyOf(questions);
        if (Known(key) is { } outputs)
            return outputs;
        GroupAnswers answers = AnswersUnit.Compute(model, AttentionPolicy.Dense, cacheType, questions, cancellation);
        _tokens += answers.Processed;
        return Keep(key, answers);
    }

    private string KeyOf(Question[] questions) => "answers/" + ResultJournal.Hash(
        modelFingerprint, cacheType.Name(), $"{questions[0].MaxNewTokens}", string.Join(';', questions.Select(question => string.Join(',', question.Prompt))));

    private int[][]? Known(string key) => journal.TryGet(key, out JsonElement known)
        ? [.. known.EnumerateArray().Select(output => output.EnumerateArray().Select(id => id.GetInt32()).ToArray())]
        : null;

    private int[][] Keep(string key, GroupAnswers answers)
    {
        int[][] outputs = [.. answers.Answers.Select(answer => answer.Tokens)];
        journal.Add(key, writer => WriteTokens(writer, outputs));
        return outputs;
    }

    private static void WriteTokens(Utf8JsonWriter writer, int[][] outputs)
    {
        writer.WriteStartArray();
        foreach (int[] output in outputs)
        {
            writer.WriteStartArray();
            foreach (int token in output)
                writer.WriteNumberValue(token);
            writer.WriteEndArray();
        }

        writer.WriteEndArray();
    }
}
