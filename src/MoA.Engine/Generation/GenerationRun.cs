using MoA.Engine.Kernels;
using MoA.Engine.KvCache;

namespace MoA.Engine.Generation;

/// <summary>One sequence being generated: the tokens to prefill, then one new token a step.</summary>
public sealed class GenerationRun
{
    private readonly int[] _prompt;
    private readonly Sampler _sampler;
    private readonly IReadOnlySet<int> _stopTokens;
    private readonly Func<int, bool>? _onToken;
    private readonly List<int> _output;
    private readonly List<TokenLogProbability> _scores = [];
    private int _drawn;

    /// <summary>Describes a run.</summary>
    /// <param name="sequence">The caches; may hold earlier turns. Stays the caller's.</param>
    /// <param name="prompt">Tokens to add before generating, at least 1.</param>
    /// <param name="maxNewTokens">Most tokens to write.</param>
    /// <param name="sampler">Draws the tokens.</param>
    /// <param name="stopTokens">Tokens that end the run; the one that did is the output's last.</param>
    /// <param name="onToken">Sees every new token that is no stop token; returns true to end the run.</param>
    public GenerationRun(
        SequenceCache sequence,
        ReadOnlySpan<int> prompt,
        int maxNewTokens,
        Sampler sampler,
        IReadOnlySet<int> stopTokens,
        Func<int, bool>? onToken = null)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxNewTokens);
        if (prompt.IsEmpty)
            throw new ArgumentException("A prompt needs at least one token.", nameof(prompt));
        Sequence = sequence;
        _prompt = prompt.ToArray();
        MaxNewTokens = maxNewTokens;
        _sampler = sampler;
        _sampler.Read(prompt);
        _sampler.Reserve(Math.Min(maxNewTokens, sequence.Capacity));
        _stopTokens = stopTokens;
        _onToken = onToken;
        // Steps are to allocate nothing, yet no more is reserved than the caches can hold.
        _output = new List<int>(Math.Clamp(sequence.Capacity - sequence.Length - prompt.Length + 1, 0, maxNewTokens));
    }

    /// <summary>The caches.</summary>
    public SequenceCache Sequence { get; }

    /// <summary>Most tokens to write.</summary>
    public int MaxNewTokens { get; }

    /// <summary>Tokens that come before any stop token: for these, stop tokens cannot be drawn.</summary>
    public int MinNewTokens { get; init; }

    /// <summary>Tokens written so far, a stop token included.</summary>
    public IReadOnlyList<int> Output => _output;

    /// <summary>If set, the likelihood of every token is noted with this many of the likeliest.</summary>
    public int? LogProbabilities { get; init; }

    /// <summary>The likelihoods of <see cref="Output"/>, if asked for.</summary>
    public IReadOnlyList<TokenLogProbability> Scores => _scores;

    /// <summary>
    /// Whether the caches are needed after a cancelled step: a pass that would lose rows of theirs is then run to its end.
    /// </summary>
    public bool KeepsCaches { get; init; }

    /// <summary>Tokens of the prompt that are in the caches.</summary>
    public int PrefilledTokens { get; private set; }

    /// <summary>Why the run ended, or <see cref="FinishReason.None"/>.</summary>
    public FinishReason Finish { get; private set; }

    /// <summary>Prompt tokens not prefilled yet.</summary>
    internal ReadOnlySpan<int> RestOfPrompt => _prompt.AsSpan(PrefilledTokens);

    internal bool IsPrefilling => PrefilledTokens < _prompt.Length;

    internal int LastToken => _output[^1];

    internal void Prefilled(int tokens) => PrefilledTokens += tokens;

    /// <summary>
    /// Draws the next token from the last row's logits and notes its likelihood; <see cref="Accept"/> takes it. Runs of a step may do
    /// so side by side.
    /// </summary>
    internal void Draw(ReadOnlySpan<float> logits)
    {
        _drawn = _output.Count < MinNewTokens ? _sampler.Next(logits, _stopTokens) : _sampler.Next(logits);
        if (LogProbabilities is int top)
            _scores.Add(TokenLogProbability.From(logits, _drawn, top));
    }

    /// <summary>Whether a device can draw the next token itself.</summary>
    internal bool CanBeDrawn => _sampler.CanBeDescribed && LogProbabilities is null && _output.Count >= MinNewTokens;

    /// <summary>How it is to draw it.</summary>
    internal TokenDraw Describe() => _sampler.Describe();

    /// <summary>What the device has drawn.</summary>
    internal void Draw(int token) => _drawn = Sampler.Drawn(token);

    /// <summary>Takes the token that was drawn.</summary>
    internal void Accept()
    {
        int token = _drawn;
        _output.Add(token);
        if (_stopTokens.Contains(token) || (_onToken?.Invoke(token) ?? false))
            Finish = FinishReason.Stop;
        else if (_output.Count == MaxNewTokens)
            Finish = FinishReason.Length;
    }
}
