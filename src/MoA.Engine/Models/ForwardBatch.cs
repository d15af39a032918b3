using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Models;

/// <summary>
/// The tokens of one forward pass: pieces of prompts and single generated tokens of any number of sequences, side by side
/// and without padding. Reused from pass to pass, by one caller at a time.
/// </summary>
internal sealed class ForwardBatch
{
    private readonly UseGuard _use = new("The batch is", typeof(ForwardBatch));
    private readonly ModelConfig _config;
    private readonly int[] _tokens;
    private readonly int[] _positions;

    /// <summary>An empty batch for a model.</summary>
    /// <param name="config">The model.</param>
    /// <param name="maxRows">Most tokens in one pass.</param>
    public ForwardBatch(ModelConfig config, int maxRows)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxRows);
        _config = config;
        _tokens = new int[maxRows];
        _positions = new int[maxRows];
        Work = new AttentionWork(config);
    }

    /// <summary>Tokens in the batch.</summary>
    public int Rows => Work.Rows;

    /// <summary>Tokens that still fit.</summary>
    public int Room => _tokens.Length - Rows;

    internal AttentionWork Work { get; }

    internal ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Rows);

    internal ReadOnlySpan<int> Positions => _positions.AsSpan(0, Rows);

    /// <summary>Empties the batch.</summary>
    /// <exception cref="InvalidOperationException">A pass is using the batch.</exception>
    public void Clear()
    {
        using UseGuard.Use use = _use.TakeAlone();
        Work.Clear();
    }

    /// <summary>
    /// Appends tokens to a sequence: a piece of its prompt, or one generated token, with drafts of those that may follow it where the
    /// sequence's can be taken back. A sequence may stand in a batch once.
    /// Returns the row of the first token, by which its logits are asked for.
    /// </summary>
    /// <param name="sequence">The sequence.</param>
    /// <param name="tokens">The tokens.</param>
    /// <param name="mode">How they attend.</param>
    /// <param name="toCome">Tokens of the same prompt that follow these: prefill policies read whole pieces (<see cref="SequenceCache.NextTokens"/>).</param>
    /// <exception cref="InvalidInputException">A token is not in the vocabulary.</exception>
    /// <exception cref="ObjectDisposedException">The sequence was disposed.</exception>
    /// <exception cref="ArgumentException">The sequence's caches were made for another model, a decode step has several tokens where none can be taken back, or a
    /// prompt is cut within a piece.</exception>
    /// <exception cref="InvalidOperationException">The tokens do not fit the batch or the sequence's capacity, the
    /// sequence is in the batch already, or a pass is using the batch.</exception>
    public int Add(SequenceCache sequence, ReadOnlySpan<int> tokens, AttentionMode mode, int toCome = 0)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        using UseGuard.Use use = _use.TakeAlone();
        sequence.CheckFor(_config);
        if (tokens.Length > Room)
            throw new InvalidOperationException($"A batch of {_tokens.Length} rows has no room for {tokens.Length} more.");
        if (sequence.Length + tokens.Length > sequence.Capacity)
        {
            throw new InvalidOperationException(
                $"The sequence holds {sequence.Length} of {sequence.Capacity} tokens; {tokens.Length} more do not fit.");
        }

        for (int i = 0; i < Work.SegmentCount; i++)
        {
            if (ReferenceEquals(Work.Segments[i].Cache, sequence))
                throw new InvalidOperationException("A sequence may stand in a batch only once.");
        }

        if (mode == AttentionMode.Prefill && tokens.Length > sequence.BeforeEviction)
            throw new InvalidOperationException($"The sequence evicts rows after the next {sequence.BeforeEviction} tokens; {tokens.Length} go beyond.");
        if (mode == AttentionMode.Decode && tokens.Length > 1 && !sequence.CanTakeBack)
            throw new ArgumentException("A decode step of these caches takes one token.", nameof(tokens));
        ArgumentOutOfRangeException.ThrowIfZero(tokens.Length);
        if (mode == AttentionMode.Prefill && toCome > 0 && sequence.NextTokens(tokens.Length + toCome, tokens.Length) != tokens.Length)
            throw new ArgumentException($"Prompts of this sequence are cut at multiples of {sequence.Prefill!.Piece} tokens.", nameof(tokens));
        int first = Rows;
        for (int i = 0; i < tokens.Length; i++)
        {
            CheckToken(tokens[i], _config);
            _tokens[first + i] = tokens[i];
            _positions[first + i] = sequence.Length + i;
        }

        Work.Add(sequence, tokens.Length, mode, toCome);
        return first;
    }

    /// <summary>Takes the batch and its sequences for a pass, until what is returned is disposed.</summary>
    /// <exception cref="ArgumentException">The batch was made for another model.</exception>
    /// <exception cref="ObjectDisposedException">A sequence was disposed.</exception>
    /// <exception cref="InvalidOperationException">The batch or a sequence is in use, or a sequence went on since it was
    /// added.</exception>
    internal Held Hold(ModelConfig config)
    {
        if (!ReferenceEquals(config, _config))
            throw new ArgumentException("The batch was made for another model; let the model that runs it create it.");
        _ = _use.TakeAlone();
        int held = 0;
        try
        {
            for (; held < Work.SegmentCount; held++)
            {
                ref readonly AttentionSegment segment = ref Work.Segments[held];
                segment.Cache.Enter();
                if (segment.Version == segment.Cache.Version)
                    continue;
                held++;
                throw new InvalidOperationException("A sequence went on since it was added to the batch; clear the batch and add it again.");
            }
        }
        catch
        {
            Release(held);
            throw;
        }

        return new Held(this, held);
    }

    private void Release(int sequences)
    {
        for (int i = 0; i < sequences; i++)
            Work.Segments[i].Cache.Exit();
        _use.Release();
    }

    /// <summary>A batch and its sequences while a pass runs.</summary>
    internal readonly ref struct Held(ForwardBatch batch, int sequences)
    {
        /// <summary>Lets go of them.</summary>
        public void Dispose() => batch.Release(sequences);
    }

    internal static void CheckToken(int token, ModelConfig config)
    {
        if ((uint)token >= (uint)config.VocabularySize)
            throw new InvalidInputException($"token {token}: the model's vocabulary has ids 0 to {config.VocabularySize - 1}");
    }
}
