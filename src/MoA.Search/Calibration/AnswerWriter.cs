using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;

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
        ConversationEncoder encoder = model.RequireConversations();
        DensePolicy dense = new();
        foreach (MessagesItem[] group in SequenceGroups.Of(items, CacheBytes, GroupSize))
        {
            answered.AddRange(AnswerGroup(group, maxAnswerTokens, cancellation));
            progress?.Invoke(new StepProgress("calibrate", "answers", answered.Count, items.Count, _tokens));
        }

        return answered;

        long CacheBytes(MessagesItem item) => SequenceCache.EstimateBytes(
            model.Config, dense, encoder.EncodePrompt(item.Messages).Length + maxAnswerTokens, cacheType);
    }

    private CalibrationItem[] AnswerGroup(MessagesItem[] group, int maxAnswerTokens, CancellationToken cancellation)
    {
        ConversationEncoder encoder = model.RequireConversations();
        List<ChatMessage>[] written = [.. group.Select(_ => new List<ChatMessage>())];
        CalibrationItem[] results = [.. group];
        int turns = group.Max(item => item.Messages.Count(IsAnswer));
        for (int turn = 0; turn < turns; turn++)
        {
            int[] active = [.. Enumerable.Range(0, group.Length).Where(i => group[i].Messages.Count(IsAnswer) > turn)];
            int[][] prompts = new int[active.Length][];
            for (int i = 0; i < active.Length; i++)
            {
                AppendQuestions(group[active[i]], turn, written[active[i]]);
                prompts[i] = encoder.EncodePrompt(written[active[i]]);
                model.CheckLength((long)prompts[i].Length + maxAnswerTokens, group[active[i]].Origin);
            }

            int[][] outputs = Generate(prompts, maxAnswerTokens, cancellation);
            for (int i = 0; i < active.Length; i++)
            {
                MessagesItem item = group[active[i]];
                string text = model.RequireTokenizer().Decode(outputs[i].Where(id => !model.StopTokens.Contains(id)).ToArray());
                written[active[i]].Add(new ChatMessage(ChatRole.Assistant, text));
                results[active[i]] = turn == 0
                    ? new TokensItem([.. prompts[i], .. outputs[i]], [new AnswerSpan(prompts[i].Length, prompts[i].Length + outputs[i].Length)])
                    {
                        Origin = item.Origin,
                        Source = item.Source,
                        Dataset = item.Dataset,
                        Kind = item.Kind,
                    }
                    : item with { Messages = [.. written[active[i]]] };
            }
        }

        return results;
    }

    private static bool IsAnswer(ChatMessage message) => message.Role == ChatRole.Assistant;

    // The messages between one answer and the next.
    private static void AppendQuestions(MessagesItem item, int turn, List<ChatMessage> written)
    {
        int answersSeen = 0;
        foreach (ChatMessage message in item.Messages)
        {
            if (IsAnswer(message))
                answersSeen++;
            else if (answersSeen == turn)
                written.Add(message);
        }
    }

    private int[][] Generate(int[][] prompts, int maxAnswerTokens, CancellationToken cancellation)
    {
        string key = "answers/" + ResultJournal.Hash(
            modelFingerprint, cacheType.Name(), $"{maxAnswerTokens}", string.Join(';', prompts.Select(p => string.Join(',', p))));
        if (journal.TryGet(key, out JsonElement known))
            return [.. known.EnumerateArray().Select(output => output.EnumerateArray().Select(id => id.GetInt32()).ToArray())];
        GenerationLoop loop = new(model.Transformer);
        List<SequenceCache> sequences = [];
        try
        {
            GenerationRun[] runs = new GenerationRun[prompts.Length];
            for (int i = 0; i < prompts.Length; i++)
            {
                SequenceCache sequence = model.Transformer.CreateSequence(
                    new DensePolicy(), prompts[i].Length + maxAnswerTokens, cacheType);
                sequences.Add(sequence);
                Sampler sampler = new(SamplingOptions.Greedy, model.Config.VocabularySize);
                runs[i] = new GenerationRun(sequence, prompts[i], maxAnswerTokens, sampler, model.StopTokens);
                loop.Add(runs[i]);
            }

            while (loop.ActiveRuns > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                _tokens += loop.Step(cancellation);
            }

            int[][] outputs = [.. runs.Select(run => run.Output.ToArray())];
            journal.Add(key, writer => WriteTokens(writer, outputs));
            return outputs;
        }
        finally
        {
            foreach (SequenceCache sequence in sequences)
                sequence.Dispose();
        }
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
