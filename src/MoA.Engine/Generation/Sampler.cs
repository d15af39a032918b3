using System.Buffers;
using System.Numerics.Tensors;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Engine.Generation;

/// <summary>Draws one sequence's next tokens from logits; allocates nothing while doing so.</summary>
internal sealed class Sampler
{
    private readonly SamplingOptions _options;
    private readonly double[] _scratch;
    private SplitMix64 _random;
    private readonly LogitPenalties? _penalties;
    private readonly LogitMask? _mask;

    /// <summary>A sampler for one sequence.</summary>
    /// <param name="options">What to keep and how to draw.</param>
    /// <param name="vocabularySize">Number of logits.</param>
    /// <param name="constraint">What may be drawn, made for this sequence alone; null: anything.</param>
    /// <exception cref="InvalidInputException">An option is out of range.</exception>
    public Sampler(SamplingOptions options, int vocabularySize, TokenConstraint? constraint = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        _options = options;
        _random = new SplitMix64(options.Seed);
        _penalties = options.ChangesLogits ? new LogitPenalties(options, vocabularySize) : null;
        _mask = constraint is null ? null : new LogitMask(constraint, vocabularySize);
        _scratch = options.Temperature == 0 ? [] : new double[TokenDraw.ScratchDoubles(vocabularySize)];
    }

    /// <summary>Takes note of tokens before the first that is drawn: penalties on repetition see them.</summary>
    public void Read(ReadOnlySpan<int> prompt) => _penalties?.Read(prompt);

    /// <summary>Whether a device can draw the tokens: nothing changes the logits.</summary>
    internal bool CanBeDescribed => _penalties is null && _mask is null;

    /// <summary>
    /// How a device is to draw one of the next tokens, with the random number that this would have used; <see cref="Skip"/> says how many
    /// it drew.
    /// </summary>
    /// <param name="ahead">Tokens before it.</param>
    internal TokenDraw Describe(int ahead)
    {
        SplitMix64 random = _random;
        random.Skip(ahead);
        return new(_options.Temperature, _options.TopK, _options.TopP, _options.MinP, _options.Temperature == 0 ? 0 : random.NextDouble());
    }

    /// <summary>Goes on behind the random numbers of tokens that a device has drawn.</summary>
    internal void Skip(int tokens) => _random.Skip(tokens);

    /// <summary>What a device has drawn.</summary>
    /// <exception cref="InvalidOperationException">The logits were not finite.</exception>
    internal static int Drawn(int token) => token >= 0 ? token : throw NotFinite();

    /// <summary>Takes a token that was drawn before, elsewhere, as if it had just been drawn.</summary>
    public void Take(int token)
    {
        Skip(1);
        _penalties?.Add(token);
        _mask?.Accept(token);
    }

    /// <summary>The next token.</summary>
    /// <param name="logits">One number for every token of the vocabulary.</param>
    /// <exception cref="InvalidOperationException">
    /// The logits are not finite, since the model's arithmetic overflowed; or the options forbid every token.
    /// </exception>
    public int Next(ReadOnlySpan<float> logits)
    {
        if (_mask is not null)
            return NextAllowed(_mask, logits, forbidden: null);
        TokenDraw draw = Describe(0);
        Skip(1);
        if (_penalties is null)
            return Drawn(draw.From(logits, _scratch));
        if (!float.IsFinite(TensorPrimitives.Max(logits)))
            throw NotFinite();
        int token = draw.From(_penalties.Apply(logits), _scratch);
        if (token < 0)
            throw new InvalidOperationException("No token is left to draw: no-repeat-ngram-size forbids all of them; raise it.");
        _penalties.Add(token);
        return token;
    }

    /// <summary>The next token, which is none of some.</summary>
    /// <param name="logits">One number for every token of the vocabulary.</param>
    /// <param name="forbidden">Tokens that cannot be drawn, unless the constraint allows no others; those outside the vocabulary do not matter.</param>
    /// <exception cref="InvalidOperationException">No logit of the others is finite.</exception>
    public int Next(ReadOnlySpan<float> logits, IReadOnlySet<int> forbidden)
    {
        ArgumentNullException.ThrowIfNull(forbidden);
        if (_mask is not null)
            return NextAllowed(_mask, logits, forbidden);
        float[] allowed = ArrayPool<float>.Shared.Rent(logits.Length);
        try
        {
            logits.CopyTo(allowed);
            foreach (int token in forbidden)
            {
                if ((uint)token < (uint)logits.Length)
                    allowed[token] = float.NegativeInfinity;
            }

            return Next(allowed.AsSpan(0, logits.Length));
        }
        finally
        {
            ArrayPool<float>.Shared.Return(allowed);
        }
    }

    // What must be written comes before what may not come again: where n-grams forbid all that is allowed, they are passed over.
    private int NextAllowed(LogitMask mask, ReadOnlySpan<float> logits, IReadOnlySet<int>? forbidden)
    {
        if (!float.IsFinite(TensorPrimitives.Max(logits)))
            throw NotFinite();
        TokenDraw draw = Describe(0);
        Skip(1);
        ReadOnlySpan<float> allowed = mask.Apply(logits, forbidden);
        int token = _penalties is null ? -1 : draw.From(_penalties.Apply(allowed), _scratch);
        token = token >= 0 ? token : Drawn(draw.From(allowed, _scratch));
        _penalties?.Add(token);
        mask.Accept(token);
        return token;
    }

    /// <summary>Makes room for tokens, so that drawing them allocates nothing.</summary>
    internal void Reserve(int tokens) => _penalties?.Reserve(tokens);

    private static InvalidOperationException NotFinite() => new("The model's logits are not finite: its arithmetic overflowed.");
}
