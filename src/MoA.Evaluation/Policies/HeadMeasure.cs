using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Search;

namespace MoA.Evaluation.Policies;

/// <summary>How much each KV head needs the whole context, measured on texts: scores for the policies of two classes of heads.</summary>
internal sealed class HeadMeasure(LanguageModel model, HeadRule rule)
{
    /// <summary>Copies of the mean key, as in the official code.</summary>
    public const int Copies = 500;

    private readonly ForwardBatch _batch = model.Transformer.CreateBatch();

    /// <summary>Keeps what each text gave; null keeps nothing.</summary>
    public ResultJournal? Journal { get; init; }

    /// <summary>Texts that the official codes take.</summary>
    public static int DefaultTexts(HeadRule rule) => rule == HeadRule.Duo ? 50 : 1;

    /// <summary>What notes of a text that is held whole what the scores are made of.</summary>
    public static AttentionPolicy PolicyOf(HeadRule rule) => rule == HeadRule.KvZip
        ? new KvZipPolicy(ElasticRule.Dense, KvZipLevel.Uniform)
        : new ExpectedAttentionPolicy(ElasticRule.Dense, new ExpectedAttentionScorer { FirstTokens = 0 });

    /// <summary>Scores by all texts; layers with windows of their own have none, 0.</summary>
    /// <param name="texts">Tokens of each, at least two.</param>
    /// <param name="progress">Told of every text that was read.</param>
    /// <param name="cancellation">Looked at between layers.</param>
    /// <returns>[layers][KV heads].</returns>
    /// <exception cref="MoA.Engine.InvalidInputException">All layers have windows, or the device has no caches that are chosen from.</exception>
    public double[][] Run(IReadOnlyList<int[]> texts, Action<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        double[][] scores = [.. Enumerable.Range(0, model.Config.Layers).Select(_ => new double[model.Config.KeyValueHeads])];
        string fingerprint = Journal is null ? "" : ModelFingerprint.Of(model);
        for (int i = 0, tokens = 0; i < texts.Count; i++)
        {
            double[] own = Known(texts[i], fingerprint) ?? Measure(texts[i], fingerprint, cancellation);
            for (int head = 0; head < own.Length; head++)
            {
                ref double score = ref scores[head / model.Config.KeyValueHeads][head % model.Config.KeyValueHeads];
                score = rule == HeadRule.KvZip ? Math.Max(score, own[head]) : score + own[head] / texts.Count;
            }

            tokens += texts[i].Length;
            progress?.Invoke(new StepProgress("heads", $"{texts[i].Length} tokens", i + 1, texts.Count, tokens));
        }

        return scores;
    }

    // A text's scores, heads counted over all layers.
    private double[] Measure(int[] text, string fingerprint, CancellationToken cancellation)
    {
        double[] scores = new double[model.Config.Layers * model.Config.KeyValueHeads];
        using SequenceCache sequence = Read(text, cancellation);
        foreach (int layer in sequence.EvictingLayers)
        {
            for (int head = 0; head < model.Config.KeyValueHeads; head++)
                scores[layer * model.Config.KeyValueHeads + head] = rule == HeadRule.KvZip ? Repeated(sequence, layer, head) : LookedBack(sequence, layer, head);
        }

        Journal?.Add(KeyOf(text, fingerprint), writer =>
        {
            writer.WriteStartArray();
            foreach (double score in scores)
                writer.WriteNumberValue(score);
            writer.WriteEndArray();
        });
        return scores;
    }

    private double[]? Known(int[] text, string fingerprint) =>
        Journal?.TryGet(KeyOf(text, fingerprint), out JsonElement known) == true && known.ValueKind == JsonValueKind.Array && known.GetArrayLength() == model.Config.Layers * model.Config.KeyValueHeads
            ? [.. known.EnumerateArray().Select(score => score.GetDouble())]
            : null;

    private string KeyOf(int[] text, string fingerprint) => $"heads {ResultJournal.Hash(fingerprint, rule.ToString(), string.Join(' ', text))}";

    private SequenceCache Read(int[] text, CancellationToken cancellation)
    {
        SequenceCache sequence = model.Transformer.CreateSequence(PolicyOf(rule), text.Length, ElementType.F32);
        try
        {
            for (int read = 0; read < text.Length; read += _batch.Rows)
            {
                _batch.Clear();
                _ = _batch.Add(sequence, text.AsSpan(read, Math.Min(_batch.Room, text.Length - read)), AttentionMode.Prefill);
                model.Transformer.Forward(_batch, cancellation);
            }

            model.Transformer.ReadAgain(sequence, cancellation);
            return sequence;
        }
        catch
        {
            sequence.Dispose();
            throw;
        }
    }

    // The first tokens, which stay in any case, do not count.
    private static double Repeated(SequenceCache sequence, int layer, int head)
    {
        HeadCache cache = sequence.Head(layer, head);
        return cache.Tokens!.Rank(RepetitionScorer.Sink, int.MaxValue, ScorePooling.None).Largest;
    }

    // The mean over the copies of the attention up to each: near 1 where the farthest get it all, near 0 where the query's own does.
    private double LookedBack(SequenceCache sequence, int layer, int head)
    {
        HeadTurn turn = sequence.TurnOf(layer);
        int size = model.Config.HeadSize, group = model.Config.QueriesPerKeyValueHead;
        double scale = model.Config.LayerDescriptions[layer].AttentionScale ?? 1 / Math.Sqrt(size), sum = 0;
        double[] key = MeanKey(sequence.Head(layer, head), turn, sequence.Length, size);
        for (int queryHead = 0; queryHead < group; queryHead++)
            sum += LookedBack(MeanQuery(sequence.Statistics(layer, head), queryHead, size), key, turn, scale);
        return sum / group;
    }

    private static double LookedBack(double[] query, double[] key, HeadTurn turn, double scale)
    {
        double[] last = Turned(query, turn, Copies - 1);
        double[] logits = [.. Enumerable.Range(0, Copies).Select(position => scale * last.Zip(Turned(key, turn, position), (q, k) => q * k).Sum())];
        double largest = logits.Max(), total = logits.Sum(logit => Math.Exp(logit - largest)), passed = 0, area = 0;
        foreach (double logit in logits)
        {
            passed += Math.Exp(logit - largest) / total;
            area += passed / Copies;
        }

        return area;
    }

    private static unsafe double[] MeanQuery(QueryStatistics statistics, int queryHead, int size) =>
        [.. new ReadOnlySpan<float>(statistics.Mean(queryHead), size).ToArray().Select(x => (double)x)];

    // Keys are stored turned.
    private static unsafe double[] MeanKey(HeadCache cache, HeadTurn turn, int count, int size)
    {
        double[] mean = new double[size];
        for (int position = 0; position < count; position++)
        {
            double[] key = [.. new ReadOnlySpan<float>(cache.Keys + (nint)position * cache.BytesPerRow, size).ToArray().Select(x => (double)x)];
            Turn(key, turn, -position, 1 / turn.Factor);
            for (int d = 0; d < size; d++)
                mean[d] += key[d] / count;
        }

        return mean;
    }

    private static double[] Turned(double[] x, HeadTurn turn, int position)
    {
        double[] turned = [.. x];
        Turn(turned, turn, position, turn.Factor);
        return turned;
    }

    private static void Turn(double[] x, HeadTurn turn, int position, double factor)
    {
        for (int pair = 0; pair < turn.Pairs; pair++)
        {
            (int first, int second) = turn.Components(pair);
            (double sine, double cosine) = turn.At(pair, position);
            (x[first], x[second]) = (factor * (x[first] * cosine - x[second] * sine), factor * (x[second] * cosine + x[first] * sine));
        }
    }
}
