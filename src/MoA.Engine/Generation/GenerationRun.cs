using MoA.Engine.Kernels;
using MoA.Engine.KvCache;

namespace MoA.Engine.Generation;

/// <summary>One sequence being generated: the tokens to prefill, then a new token a step, or several where a lookup has drafted them.</summary>
internal sealed class GenerationRun
{
    private readonly int[] _prompt;
    private readonly Sampler _sampler;
    private readonly IReadOnlySet<int> _stopTokens;
    private readonly Func<int, bool>? _onToken;
    private readonly List<int> _output;
    private readonly List<TokenLogProbability> _scores = [];
    private readonly List<TokenLogProbability> _promptScores = [];
    private readonly PromptLookup? _lookup;
    private readonly int[] _step = new int[1 + PromptLookup.MostTokens];
    private readonly int[] _drawn = new int[1 + PromptLookup.MostTokens];
    private int _draws;

    /// <summary>Describes a run.</summary>
    /// <param name="sequence">The caches; may hold earlier turns. Stays the caller's.</param>
    /// <param name="prompt">Tokens to add before generating, at least 1.</param>
    /// <param name="maxNewTokens">Most tokens to write; 0 reads the prompt only.</param>
    /// <param name="sampler">Draws the tokens.</param>
    /// <param name="stopTokens">Tokens that end the run; the one that did is the output's last.</param>
    /// <param name="onToken">Sees every new token that is no stop token; returns true to end the run.</param>
    /// <param name="lookup">Drafts tokens, if wanted and if the device and the caches' policy let drafts be taken back; holds the text
    /// before the prompt.</param>
    public GenerationRun(
        SequenceCache sequence,
        ReadOnlySpan<int> prompt,
        int maxNewTokens,
        Sampler sampler,
        IReadOnlySet<int> stopTokens,
        Func<int, bool>? onToken = null,
        PromptLookup? lookup = null)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        ArgumentOutOfRangeException.ThrowIfNegative(maxNewTokens);
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
        _lookup = sequence.CanTakeBack ? lookup : null;
        _lookup?.Read(prompt);
        // Steps are to allocate nothing, yet no more is reserved than the caches can hold.
        _output = new List<int>(Math.Clamp(sequence.Capacity - sequence.Length - prompt.Length + 1, 0, maxNewTokens));
    }

    /// <summary>The caches.</summary>
    public SequenceCache Sequence { get; }

    /// <summary>Most tokens to write.</summary>
    public int MaxNewTokens { get; }

    /// <summary>Tokens that come before any stop token: for these, stop tokens cannot be drawn.</summary>
    public int MinNewTokens { get; init; }

    /// <summary>The first tokens of the output, which were drawn before, elsewhere: they are written again as they are, one a step, so that what follows is as it would have been there.</summary>
    public IReadOnlyList<int> Written { get; init; } = [];

    /// <summary>
    /// How many of <see cref="Written"/> are no answer but text that follows the prompt, such as a question that is asked when a policy has chosen what to keep
    /// of the prompt: none of these ends the run.
    /// </summary>
    public int Given { get; init; }

    /// <summary>Tokens written so far, a stop token included.</summary>
    public IReadOnlyList<int> Output => _output;

    /// <summary>If set, the likelihood of every token is noted with this many of the likeliest.</summary>
    public int? LogProbabilities { get; init; }

    /// <summary>The likelihoods of <see cref="Output"/>, if asked for.</summary>
    public IReadOnlyList<TokenLogProbability> Scores => _scores;

    /// <summary>If set, the likelihood of every token of the prompt behind its first is noted with this many of the likeliest.</summary>
    public int? PromptLogProbabilities { get; init; }

    /// <summary>The likelihoods of the prompt's tokens behind its first, as far as it has been read, if asked for.</summary>
    public IReadOnlyList<TokenLogProbability> PromptScores => _promptScores;

    /// <summary>
    /// Whether the caches are needed after a cancelled step: a pass that would lose rows of theirs is then run to its end.
    /// </summary>
    public bool KeepsCaches { get; init; }

    /// <summary>
    /// Numbers of the prompt's tokens after which a step ends, so that the caches can be copied as they stand there (<see cref="SequenceCache.TakeSnapshot"/>);
    /// in any order, and those beyond the prompt do not matter.
    /// </summary>
    public IReadOnlyList<int> Landmarks { get; init; } = [];

    /// <summary>Tokens of the prompt that are in the caches.</summary>
    public int PrefilledTokens { get; private set; }

    /// <summary>Why the run ended, or <see cref="FinishReason.None"/>.</summary>
    public FinishReason Finish { get; private set; }

    /// <summary>Whether an exception that only this run is to blame for (its sampler, its constraint, its logits, what sees its tokens) ends this run alone, rather than
    /// the step of all.</summary>
    internal bool FailsAlone { get; init; }

    /// <summary>What ended it, where <see cref="FailsAlone"/> is set.</summary>
    internal Exception? Failure { get; private set; }

    /// <summary>Prompt tokens not prefilled yet.</summary>
    internal ReadOnlySpan<int> RestOfPrompt => _prompt.AsSpan(PrefilledTokens);

    internal bool IsPrefilling => PrefilledTokens < _prompt.Length;

    /// <summary>Rows of the next tokens in the step: one whose logits the prompt's last token or the last new one gives, and one for
    /// each draft.</summary>
    internal int Rows { get; private set; } = 1;

    internal void Prefilled(int tokens)
    {
        PrefilledTokens += tokens;
        if (MaxNewTokens == 0 && !IsPrefilling)
            Finish = FinishReason.Length;
    }

    /// <summary>The tokens that follow the next ones of the prompt within it.</summary>
    internal ReadOnlyMemory<int> LabelsOf(int tokens) => _prompt.AsMemory(PrefilledTokens + 1, Math.Min(tokens, _prompt.Length - PrefilledTokens - 1));

    internal void TakePromptScores(ReadOnlySpan<TokenLogProbability> scores) => _promptScores.AddRange(scores);

    /// <summary>
    /// How many of the prompt's tokens come next: all that are left, but none beyond the next landmark; under a prefill policy whole pieces, and none where the next
    /// does not fit.
    /// </summary>
    /// <param name="most">Most tokens.</param>
    internal int NextPiece(int most)
    {
        int end = _prompt.Length;
        for (int i = 0; i < Landmarks.Count; i++)
        {
            if (Landmarks[i] > PrefilledTokens)
                end = Math.Min(end, Landmarks[i]);
        }

        int left = _prompt.Length - PrefilledTokens, count = Sequence.NextTokens(left, most);
        int before = Math.Min(most, end - PrefilledTokens);
        // A landmark within a piece is passed over.
        return before < count && Sequence.NextTokens(left, before) is > 0 and int next ? next : count;
    }

    /// <summary>The tokens of a decode step: the last one, and what may follow it. Nothing is drafted that could not be written.</summary>
    /// <param name="most">Most tokens.</param>
    internal ReadOnlySpan<int> NextTokens(int most)
    {
        _step[0] = _output[^1];
        most = Math.Min(Math.Min(most, _step.Length), MaxNewTokens - _output.Count);
        Rows = 1 + (_lookup?.Draft(_step.AsSpan(1, most - 1)) ?? 0);
        for (int i = 1; i < Rows; i++)
        {
            if (_stopTokens.Contains(_step[i]))
                Rows = i;
        }

        return _step.AsSpan(0, Rows);
    }

    /// <summary>
    /// Draws tokens from the rows' logits, as long as each is the next one's draft, and notes their likelihood; <see cref="Accept"/>
    /// takes them. Runs of a step may do so side by side.
    /// </summary>
    internal void Draw(ReadOnlySpan<float> logits, int vocabulary)
    {
        _draws = 0;
        try
        {
            DrawAll(logits, vocabulary);
        }
        catch (Exception failure) when (FailsAlone)
        {
            Fail(failure);
        }
    }

    private void DrawAll(ReadOnlySpan<float> logits, int vocabulary)
    {
        do
        {
            ReadOnlySpan<float> row = logits.Slice(_draws * vocabulary, vocabulary);
            int token = Next(row, _output.Count + _draws);
            if (LogProbabilities is int top)
                _scores.Add(TokenLogProbability.From(row, token, top));
            _drawn[_draws++] = token;
        }
        while (_draws < Rows && _drawn[_draws - 1] == _step[_draws]);
    }

    private int Next(ReadOnlySpan<float> logits, int position)
    {
        if (position >= Written.Count)
            return position < MinNewTokens ? _sampler.Next(logits, _stopTokens) : _sampler.Next(logits);
        _sampler.Take(Written[position]);
        return Written[position];
    }

    /// <summary>Whether a device can draw the next tokens itself.</summary>
    internal bool CanBeDrawn => _sampler.CanBeDescribed && LogProbabilities is null && _output.Count >= Math.Max(MinNewTokens, Written.Count);

    /// <summary>How it is to draw from one of the rows.</summary>
    internal TokenDraw Describe(int row) => _sampler.Describe(row);

    /// <summary>What the device has drawn from all rows: those count as long as each is the next one's draft.</summary>
    internal void Draw(ReadOnlySpan<int> tokens)
    {
        _draws = 0;
        try
        {
            do
                _drawn[_draws] = Sampler.Drawn(tokens[_draws]);
            while (++_draws < Rows && _drawn[_draws - 1] == _step[_draws]);
            _sampler.Skip(_draws);
        }
        catch (Exception failure) when (FailsAlone)
        {
            Fail(failure);
        }
    }

    /// <summary>Takes the tokens that were drawn, up to the run's end. Returns the rows of tokens that were drafted in vain.</summary>
    /// <param name="draftCost">What a draft costs, as a share of a step.</param>
    internal int Accept(double draftCost)
    {
        if (Failure is not null)
            return Rows - 1;
        int before = _output.Count, taken = 0;
        while (taken < _draws && Finish == FinishReason.None)
        {
            int token = _drawn[taken++];
            _output.Add(token);
            _lookup?.Read([token]);
            if (_output.Count > Given && (_stopTokens.Contains(token) || EndsWith(token)))
                Finish = FinishReason.Stop;
            else if (_output.Count == MaxNewTokens)
                Finish = FinishReason.Length;
        }

        if (_scores.Count > _output.Count)
            _scores.RemoveRange(_output.Count, _scores.Count - _output.Count);
        if (before > 0)
            _lookup?.Note(Rows - 1, taken - 1, draftCost);
        return Rows - taken;
    }

    // A failure ends it with the token that was seen last.
    private bool EndsWith(int token)
    {
        try
        {
            return _onToken?.Invoke(token) ?? false;
        }
        catch (Exception failure) when (FailsAlone)
        {
            Fail(failure);
            return true;
        }
    }

    private void Fail(Exception failure)
    {
        Failure = failure;
        Finish = FinishReason.Stop;
    }
}
