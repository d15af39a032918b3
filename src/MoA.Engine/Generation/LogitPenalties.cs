using System.Runtime.InteropServices;

namespace MoA.Engine.Generation;

/// <summary>
/// What the tokens of one sequence so far do to the logits of the next: repetition penalties as in transformers, frequency and
/// presence penalties as in OpenAI's API and vLLM, n-grams that may not come again; and what is added to those of some tokens.
/// Allocates nothing while doing so.
/// </summary>
internal sealed class LogitPenalties(SamplingOptions options, int vocabularySize)
{
    private readonly (int Token, float Bias)[] _biases = ReadBiases(options, vocabularySize);
    private readonly List<int> _tokens = [];
    private readonly int[] _counts = new int[vocabularySize];
    private readonly float[] _logits = new float[vocabularySize];
    private int _promptTokens;

    /// <summary>Tokens of the prompt: they count as repeated, not as written.</summary>
    public void Read(ReadOnlySpan<int> prompt)
    {
        _tokens.AddRange(prompt);
        _promptTokens = _tokens.Count;
    }

    /// <summary>Makes room for tokens, so that <see cref="Add"/> allocates nothing.</summary>
    public void Reserve(int tokens) => _tokens.EnsureCapacity(_tokens.Count + tokens);

    /// <summary>A token that was written.</summary>
    public void Add(int token) => _tokens.Add(token);

    /// <summary>The logits under the penalties; valid until the next call.</summary>
    public ReadOnlySpan<float> Apply(ReadOnlySpan<float> logits)
    {
        logits.CopyTo(_logits);
        foreach ((int token, float bias) in _biases)
            _logits[token] += bias;
        ReadOnlySpan<int> tokens = CollectionsMarshal.AsSpan(_tokens);
        int first = options.PenaltyLastN is int n ? Math.Max(0, tokens.Length - n) : 0;
        PenalizeRepeated(tokens[first..]);
        PenalizeWritten(tokens[Math.Max(first, _promptTokens)..]);
        Forbid(tokens, options.NoRepeatNgramSize);
        return _logits;
    }

    private static (int Token, float Bias)[] ReadBiases(SamplingOptions options, int vocabularySize)
    {
        foreach (int token in options.LogitBias?.Keys ?? [])
        {
            if ((uint)token >= (uint)vocabularySize)
                throw new InvalidInputException($"logit-bias of token {token}: expected a token of the vocabulary, 0 to {vocabularySize - 1}");
        }

        return [.. (options.LogitBias ?? new Dictionary<int, double>()).Select(entry => (entry.Key, (float)entry.Value))];
    }

    private void PenalizeRepeated(ReadOnlySpan<int> tokens)
    {
        float penalty = (float)options.RepetitionPenalty;
        if (penalty == 1)
            return;
        foreach (int token in tokens)
        {
            if (_counts[token]++ == 0)
                _logits[token] = _logits[token] < 0 ? _logits[token] * penalty : _logits[token] / penalty;
        }

        ClearCounts(tokens);
    }

    private void PenalizeWritten(ReadOnlySpan<int> tokens)
    {
        (float frequency, float presence) = ((float)options.FrequencyPenalty, (float)options.PresencePenalty);
        if (frequency == 0 && presence == 0)
            return;
        foreach (int token in tokens)
            _counts[token]++;
        foreach (int token in tokens)
        {
            if (_counts[token] > 0)
                _logits[token] -= (_counts[token] * frequency) + presence;
            _counts[token] = 0;
        }
    }

    // No sequence of so many tokens comes twice: what followed the last of them anywhere before may not follow now.
    private void Forbid(ReadOnlySpan<int> tokens, int size)
    {
        if (size == 0 || tokens.Length < size)
            return;
        ReadOnlySpan<int> last = tokens[^(size - 1)..];
        for (int start = 0; start + size <= tokens.Length; start++)
        {
            if (tokens.Slice(start, size - 1).SequenceEqual(last))
                _logits[tokens[start + size - 1]] = float.NegativeInfinity;
        }
    }

    private void ClearCounts(ReadOnlySpan<int> tokens)
    {
        foreach (int token in tokens)
            _counts[token] = 0;
    }
}
