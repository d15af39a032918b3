using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Search;
using MoA.Search.Calibration;

namespace MoA.Evaluation.Retrieval;

/// <summary>
/// Line retrieval as in LongEval: the model reads a long record, is asked for one line's number and answers greedily
/// through the policy's caches. Right if the last integer of the answer is the expected one (docs/method.md, section 8).
/// </summary>
public sealed class RetrievalEvaluation(
    LanguageModel model, ResultJournal journal, string modelFingerprint, ElementType cacheType, Action<StepProgress>? progress)
{
    /// <summary>Tokens that an answer may take.</summary>
    public const int MaxAnswerTokens = 48;

    private const int GroupSize = 10;

    private long _tokens;
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
        RecordDocument records = new(new ItemEncoder(model).CreateCounter(MaxAnswerTokens));
        return RetrievalSet.Create(records, length, items, DepthBins, seed);
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
            Answer[] answers = AskGroup(policy, group, cancellation);
            for (int i = 0; i < group.Length; i++)
            {
                RetrievalVerdict verdict = group[i].Judge(answers[i].Text);
                asked[group[i].DepthBin]++;
                hits[group[i].DepthBin] += verdict.Correct ? 1 : 0;
                exact += verdict.Exact ? 1 : 0;
                bytes += answers[i].KvBytes;
            }

            _done += group.Length;
            progress?.Invoke(new StepProgress(
                "evaluate", $"{policy.Name} at {set.TargetTokens}", _done, Math.Max(Total, _done), _tokens));
        }

        return new RetrievalScore(
            policy.Name, set.TargetTokens, set.Items.Count, hits.Sum(), exact, policy.Density(model.Config, set.TargetTokens),
            bytes / set.Items.Count, [.. asked.Select((n, bin) => n == 0 ? (double?)null : (double)hits[bin] / n)]);
    }

    private Answer[] AskGroup(AttentionPolicy policy, RetrievalItem[] group, CancellationToken cancellation)
    {
        int[][] prompts = [.. group.Select(item => model.RequireConversations().EncodePrompt(item.Prompt))];
        string spans = string.Join(
            '|', prompts.Select(prompt => policy.Describe(model.Config, prompt.Length + MaxAnswerTokens)));
        string key = "retrieval/" + ResultJournal.Hash(
            modelFingerprint, cacheType.Name(), spans, string.Join(';', prompts.Select(prompt => string.Join(',', prompt))));
        if (journal.TryGet(key, out JsonElement known))
        {
            return [.. known.EnumerateArray().Select(answer => new Answer(
                answer.GetProperty("text").GetString()!, answer.GetProperty("kvBytes").GetInt64()))];
        }

        Answer[] answers = Generate(policy, prompts, cancellation);
        journal.Add(key, writer =>
        {
            writer.WriteStartArray();
            foreach (Answer answer in answers)
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

    private Answer[] Generate(AttentionPolicy policy, int[][] prompts, CancellationToken cancellation)
    {
        GenerationLoop loop = new(model.Transformer);
        SequenceCache[] sequences = new SequenceCache[prompts.Length];
        try
        {
            GenerationRun[] runs = new GenerationRun[prompts.Length];
            for (int i = 0; i < prompts.Length; i++)
            {
                model.CheckLength(prompts[i].Length + MaxAnswerTokens, $"retrieval item of {prompts[i].Length} tokens");
                sequences[i] = model.Transformer.CreateSequence(policy, prompts[i].Length + MaxAnswerTokens, cacheType);
                Sampler sampler = new(SamplingOptions.Greedy, model.Config.VocabularySize);
                runs[i] = new GenerationRun(sequences[i], prompts[i], MaxAnswerTokens, sampler, model.StopTokens);
                loop.Add(runs[i]);
            }

            while (loop.ActiveRuns > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                _tokens += loop.Step();
            }

            return [.. runs.Select((run, i) => new Answer(
                model.RequireTokenizer().Decode(run.Output.ToArray(), skipSpecialTokens: true), sequences[i].Bytes))];
        }
        finally
        {
            foreach (SequenceCache? sequence in sequences)
                sequence?.Dispose();
        }
    }

    private readonly record struct Answer(string Text, long KvBytes);
}
