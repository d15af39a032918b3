using MoA.Engine.Attention;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Generation;

/// <summary>Log-probabilities of given tokens, through prefill or through decode steps; for one caller at a time.</summary>
internal sealed class SequenceScorer
{
    private readonly UseGuard _use = new("The scorer is", typeof(SequenceScorer));
    private readonly Transformer _transformer;
    private readonly ForwardBatch _batch;
    private readonly int[] _rows = new int[Transformer.MaxLogitRows];
    private float[] _logits = [];

    /// <summary>A scorer over a model.</summary>
    public SequenceScorer(Transformer transformer)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        _transformer = transformer;
        _batch = transformer.CreateBatch();
    }

    /// <summary>How the caches of each item are kept.</summary>
    public AttentionPolicy Policy { get; set; } = new DensePolicy();

    /// <summary>Format of the KV rows.</summary>
    public ElementType CacheType { get; set; } = ElementType.BF16;

    /// <summary>
    /// Tokens that go through prefill; each later one goes through a decode step of its own. The default sends all
    /// through prefill.
    /// </summary>
    public int DecodeFrom { get; set; } = int.MaxValue;

    /// <summary>If set, rules see N = <see cref="DecodeFrom"/> + this rather than the number of tokens.</summary>
    public int? MaxNewTokens { get; set; }

    /// <summary>Bytes of the last sequence's rows when its end was read.</summary>
    public long HeldBytes { get; private set; }

    /// <summary>
    /// ln p(token | tokens before it) of every scored position, in order; positions count from 0 and position 0 cannot be
    /// scored.
    /// </summary>
    /// <param name="tokens">The sequence.</param>
    /// <param name="isScored">For each position whether it is scored.</param>
    /// <param name="cancellation">Checked between layers.</param>
    /// <exception cref="InvalidInputException">A token is not in the vocabulary.</exception>
    /// <exception cref="InvalidOperationException">Another caller is using the scorer or the model.</exception>
    public double[] Score(ReadOnlySpan<int> tokens, ReadOnlySpan<bool> isScored, CancellationToken cancellation = default)
    {
        if (isScored.Length != tokens.Length)
            throw new ArgumentException("One mark for every token is needed.", nameof(isScored));
        foreach (int token in tokens)
            ForwardBatch.CheckToken(token, _transformer.Config);
        using UseGuard.Use use = _use.TakeAlone();
        List<double> result = [];
        int inputs = tokens.Length - 1; // the last token is only predicted
        if (inputs < 1)
            return [];
        using SequenceCache sequence = _transformer.CreateSequence(Policy, Capacity(tokens.Length), CacheType);
        int prefill = Math.Min(Math.Max(DecodeFrom, 1), inputs);
        for (int start = 0; start < inputs;)
        {
            cancellation.ThrowIfCancellationRequested();
            bool decodes = start >= prefill;
            int count = decodes ? 1 : sequence.NextTokens(prefill - start, _transformer.MaxRows);
            _batch.Clear();
            _ = _batch.Add(
                sequence, tokens.Slice(start, count), decodes ? AttentionMode.Decode : AttentionMode.Prefill, decodes ? 0 : prefill - start - count);
            _transformer.Forward(_batch, cancellation);
            ReadScores(tokens.Slice(start + 1, count), isScored.Slice(start + 1, count), result);
            start += count;
        }

        HeldBytes = sequence.Bytes;
        return [.. result];
    }

    private int Capacity(int tokens)
    {
        if (MaxNewTokens is not int more)
            return tokens;
        int read = Math.Min(DecodeFrom, tokens), context = _transformer.Config.LongestText;
        return read + (long)more <= Math.Max(context, tokens)
            ? Math.Max(read + more, tokens - 1)
            : throw new InvalidInputException(
                $"{more} new tokens after {read}: the model's context is {context} tokens; ask for fewer");
    }

    private void ReadScores(ReadOnlySpan<int> labels, ReadOnlySpan<bool> isScored, List<double> result)
    {
        int vocabulary = _transformer.Config.VocabularySize;
        for (int next = 0; next < labels.Length;)
        {
            int count = 0;
            for (; next < labels.Length && count < _rows.Length; next++)
            {
                if (isScored[next])
                    _rows[count++] = next;
            }

            if (count == 0)
                continue;
            if (_logits.Length < count * vocabulary)
                _logits = new float[count * vocabulary];
            _transformer.Logits(_batch, _rows.AsSpan(0, count), _logits);
            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<float> row = _logits.AsSpan(i * vocabulary, vocabulary);
                result.Add(row[labels[_rows[i]]] - TokenLogProbability.LogNormalizer(row));
            }
        }
    }
}
