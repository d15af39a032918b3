using System.Buffers;
using System.Numerics.Tensors;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Engine.Generation;

/// <summary>Draws one sequence's next tokens from logits; allocates nothing while doing so.</summary>
public sealed class Sampler
{
    private readonly SamplingOptions _options;

    // A weight (likelihood relative to the likeliest token) above, its token below: see Pack.
    private readonly ulong[] _candidates;
    private SplitMix64 _random;
    private readonly LogitPenalties? _penalties;

    /// <summary>A sampler for one sequence.</summary>
    /// <param name="options">What to keep and how to draw.</param>
    /// <param name="vocabularySize">Number of logits.</param>
    public Sampler(SamplingOptions options, int vocabularySize)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        _options = options;
        _random = new SplitMix64(options.Seed);
        _penalties = options.HasPenalties ? new LogitPenalties(options, vocabularySize) : null;
        _candidates = options.Temperature == 0 ? [] : new ulong[vocabularySize];
    }

    /// <summary>Takes note of tokens before the first that is drawn: penalties on repetition see them.</summary>
    public void Read(ReadOnlySpan<int> prompt) => _penalties?.Read(prompt);

    /// <summary>Whether a device can draw the tokens: no penalty changes the logits.</summary>
    internal bool CanBeDescribed => _penalties is null;

    /// <summary>How a device is to draw the next token, with the random number that this would have used.</summary>
    internal TokenDraw Describe() => new(
        _options.Temperature, _options.TopK, _options.TopP, _options.MinP, _options.Temperature == 0 ? 0 : _random.NextDouble());

    /// <summary>What a device has drawn.</summary>
    /// <exception cref="InvalidOperationException">The logits were not finite.</exception>
    internal static int Drawn(int token) => token >= 0 ? token : throw NotFinite();

    /// <summary>The next token.</summary>
    /// <param name="logits">One number for every token of the vocabulary.</param>
    /// <exception cref="InvalidOperationException">
    /// The logits are not finite, since the model's arithmetic overflowed; or the options forbid every token.
    /// </exception>
    public int Next(ReadOnlySpan<float> logits)
    {
        int best = TensorPrimitives.IndexOfMax(logits);
        if (!float.IsFinite(logits[best]))
            throw NotFinite();
        if (_penalties is null)
            return Choose(logits, best);
        logits = _penalties.Apply(logits);
        best = TensorPrimitives.IndexOfMax(logits);
        if (!float.IsFinite(logits[best]))
            throw new InvalidOperationException("No token is left to draw: no-repeat-ngram-size forbids all of them; raise it.");
        int token = Choose(logits, best);
        _penalties.Add(token);
        return token;
    }

    /// <summary>The next token, which is none of some.</summary>
    /// <param name="logits">One number for every token of the vocabulary.</param>
    /// <param name="forbidden">Tokens that cannot be drawn; those outside the vocabulary do not matter.</param>
    /// <exception cref="InvalidOperationException">No logit of the others is finite.</exception>
    public int Next(ReadOnlySpan<float> logits, IReadOnlySet<int> forbidden)
    {
        ArgumentNullException.ThrowIfNull(forbidden);
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

    /// <summary>Makes room for tokens, so that drawing them allocates nothing.</summary>
    internal void Reserve(int tokens) => _penalties?.Reserve(tokens);

    private static InvalidOperationException NotFinite() => new("The model's logits are not finite: its arithmetic overflowed.");

    private int Choose(ReadOnlySpan<float> logits, int best) => _options.Temperature == 0 ? best : Draw(logits, logits[best]);

    private int Draw(ReadOnlySpan<float> logits, float largest)
    {
        int count = 0;
        for (int token = 0; token < logits.Length; token++)
        {
            float weight = (float)Math.Exp((logits[token] - largest) / _options.Temperature);
            if (weight == 0)
                continue;
            // Sorting costs; what min-p will drop in the end need not take part. (Its threshold is relative to the
            // likeliest token, but top-p counts the mass of everything: only then must all stay.)
            if (_options.TopP == 1 && weight < _options.MinP)
                continue;
            _candidates[count++] = Pack(weight, token);
        }

        ReadOnlySpan<ulong> candidates = _candidates.AsSpan(0, count);
        if (_options.TopK > 0 || _options.TopP < 1)
            candidates = candidates[..Filter(count)];
        double point = _random.NextDouble() * Sum(candidates);
        foreach (ulong candidate in candidates[..^1])
        {
            point -= WeightOf(candidate);
            if (point < 0)
                return TokenOf(candidate);
        }

        return TokenOf(candidates[^1]);
    }

    // Sorts by falling weight, ties by token, and returns how many stay.
    private int Filter(int count)
    {
        Span<ulong> sorted = _candidates.AsSpan(0, count);
        sorted.Sort();
        if (_options.TopK > 0)
            count = Math.Min(count, _options.TopK);
        if (_options.TopP < 1)
        {
            double enough = _options.TopP * Sum(sorted[..count]);
            double sum = 0;
            int kept = 0;
            while (kept < count && sum < enough)
                sum += WeightOf(sorted[kept++]);
            count = kept;
        }

        while (count > 1 && WeightOf(sorted[count - 1]) < _options.MinP)
            count--;
        return count;
    }

    private static double Sum(ReadOnlySpan<ulong> candidates)
    {
        double sum = 0;
        foreach (ulong candidate in candidates)
            sum += WeightOf(candidate);
        return sum;
    }

    // The bits of numbers that are not negative are ordered as the numbers are: inverted, one sort of integers puts the
    // largest weights first, and equal ones by token.
    private static ulong Pack(float weight, int token) => (ulong)~BitConverter.SingleToUInt32Bits(weight) << 32 | (uint)token;

    private static float WeightOf(ulong candidate) => BitConverter.UInt32BitsToSingle(~(uint)(candidate >> 32));

    private static int TokenOf(ulong candidate) => (int)(uint)candidate;
}
