using System.Numerics.Tensors;

namespace MoA.Engine.Generation;

/// <summary>Draws one sequence's next tokens from logits; allocates nothing while doing so.</summary>
public sealed class Sampler
{
    private readonly SamplingOptions _options;
    private readonly float[] _weights;
    private readonly int[] _tokens;
    private ulong _state;

    /// <summary>A sampler for one sequence.</summary>
    /// <param name="options">What to keep and how to draw.</param>
    /// <param name="vocabularySize">Number of logits.</param>
    public Sampler(SamplingOptions options, int vocabularySize)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        _options = options;
        _state = options.Seed;
        bool greedy = options.Temperature == 0;
        _weights = greedy ? [] : new float[vocabularySize];
        _tokens = greedy ? [] : new int[vocabularySize];
    }

    /// <summary>The next token.</summary>
    /// <param name="logits">One number for every token of the vocabulary.</param>
    /// <exception cref="InvalidOperationException">The logits are not finite: the model's arithmetic overflowed.</exception>
    public int Next(ReadOnlySpan<float> logits)
    {
        int best = TensorPrimitives.IndexOfMax(logits);
        if (!float.IsFinite(logits[best]))
            throw new InvalidOperationException("The model's logits are not finite: its arithmetic overflowed.");
        return _options.Temperature == 0 ? best : Draw(logits, logits[best]);
    }

    private int Draw(ReadOnlySpan<float> logits, float largest)
    {
        int count = 0;
        for (int token = 0; token < logits.Length; token++)
        {
            float weight = (float)Math.Exp((logits[token] - largest) / _options.Temperature);
            // Sorting costs; what min-p will drop in the end need not take part. (Its threshold is relative to the
            // likeliest token, but top-p counts the mass of everything: only then must all stay.)
            if (_options.TopP == 1 && weight < _options.MinP)
                continue;
            _weights[count] = weight;
            _tokens[count++] = token;
        }

        if (_options.TopK > 0 || _options.TopP < 1)
            count = Filter(count);
        double total = 0;
        for (int i = 0; i < count; i++)
            total += _weights[i];
        double point = NextUniform() * total;
        for (int i = 0; i < count - 1; i++)
        {
            point -= _weights[i];
            if (point < 0)
                return _tokens[i];
        }

        return _tokens[count - 1];
    }

    // Sorts by falling weight (ties by token, so that the order is defined) and returns how many stay.
    private int Filter(int count)
    {
        Span<float> weights = _weights.AsSpan(0, count);
        Span<int> tokens = _tokens.AsSpan(0, count);
        TensorPrimitives.Negate(weights, weights);
        weights.Sort(tokens);
        TensorPrimitives.Negate(weights, weights);
        if (_options.TopK > 0)
            count = Math.Min(count, _options.TopK);
        if (_options.TopP < 1)
        {
            double total = 0;
            for (int i = 0; i < count; i++)
                total += weights[i];
            double sum = 0;
            int kept = 0;
            while (kept < count && sum < _options.TopP * total)
                sum += weights[kept++];
            count = kept;
        }

        while (count > 1 && weights[count - 1] < _options.MinP)
            count--;
        return count;
    }

    // SplitMix64: a few operations, a defined sequence for every seed.
    private double NextUniform()
    {
        _state += 0x9E3779B97F4A7C15;
        ulong z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        z ^= z >> 31;
        return (z >> 11) * (1.0 / (1UL << 53));
    }
}
