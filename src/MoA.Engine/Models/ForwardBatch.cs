using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;

namespace MoA.Engine.Models;

/// <summary>
/// The tokens of one forward pass: pieces of prompts and single generated tokens of any number of sequences, side by side
/// and without padding. Reused from pass to pass.
/// </summary>
public sealed class ForwardBatch
{
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
    public void Clear() => Work.Clear();

    /// <summary>
    /// Appends tokens to a sequence: a piece of its prompt, or one generated token. A sequence may stand in a batch once.
    /// Returns the row of the first token, by which its logits are asked for.
    /// </summary>
    /// <exception cref="InvalidInputException">A token is not in the vocabulary.</exception>
    /// <exception cref="InvalidOperationException">The tokens do not fit the batch or the sequence's capacity, or the
    /// sequence is in the batch already.</exception>
    public int Add(SequenceCache sequence, ReadOnlySpan<int> tokens, AttentionMode mode)
    {
        ArgumentNullException.ThrowIfNull(sequence);
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

        if (mode == AttentionMode.Decode && tokens.Length != 1)
            throw new ArgumentException("A decode step takes one token.", nameof(tokens));
        int first = Rows;
        for (int i = 0; i < tokens.Length; i++)
        {
            CheckToken(tokens[i], _config);
            _tokens[first + i] = tokens[i];
            _positions[first + i] = sequence.Length + i;
        }

        Work.Add(sequence, tokens.Length, mode);
        return first;
    }

    internal static void CheckToken(int token, ModelConfig config)
    {
        if ((uint)token >= (uint)config.VocabularySize)
            throw new InvalidInputException($"token {token}: the model's vocabulary has ids 0 to {config.VocabularySize - 1}");
    }
}
