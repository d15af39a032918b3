namespace MoA.Engine.Configuration;

/// <summary>
/// How the frequencies of rotary position embedding are stretched to reach beyond the trained length
/// (docs/method.md, section 1; <c>rope_scaling</c> in config.json). One of <see cref="None"/>, <see cref="Linear"/>,
/// <see cref="Llama3"/> and <see cref="Factors"/>.
/// </summary>
public abstract record RopeScaling
{
    private RopeScaling()
    {
    }

    /// <summary>
    /// The frequency, in radians per token, that stands for the unscaled <paramref name="frequency"/> of a pair of
    /// components.
    /// </summary>
    /// <param name="frequency">Unscaled, in radians per token.</param>
    /// <param name="pair">From 0, the fastest, to d/2 - 1.</param>
    public abstract double Scale(double frequency, int pair);

    /// <summary>The kind as config.json names it and its numbers, in words for a reader.</summary>
    public abstract string Describe();

    /// <summary>Frequencies stay as they are.</summary>
    public sealed record None : RopeScaling
    {
        /// <inheritdoc/>
        public override double Scale(double frequency, int pair) => frequency;

        /// <inheritdoc/>
        public override string Describe() => "no scaling";
    }

    /// <summary>Position interpolation: every frequency is divided by the factor (arXiv 2306.15595).</summary>
    /// <param name="Factor">Above 0.</param>
    public sealed record Linear(double Factor) : RopeScaling
    {
        /// <inheritdoc/>
        public override double Scale(double frequency, int pair) => frequency / Factor;

        /// <inheritdoc/>
        public override string Describe() => FormattableString.Invariant($"scaling linear, factor {Factor}");
    }

    /// <summary>
    /// Llama 3.1: wavelengths up to <c>OriginalMaxPositions / HighFrequencyFactor</c> stay, those beyond
    /// <c>OriginalMaxPositions / LowFrequencyFactor</c> are divided by the factor, those between are blended.
    /// </summary>
    /// <param name="Factor">Above 0.</param>
    /// <param name="LowFrequencyFactor">Above 0.</param>
    /// <param name="HighFrequencyFactor">Above <paramref name="LowFrequencyFactor"/>.</param>
    /// <param name="OriginalMaxPositions">Length in tokens that the model was first trained for.</param>
    public sealed record Llama3(
        double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalMaxPositions) : RopeScaling
    {
        /// <inheritdoc/>
        public override double Scale(double frequency, int pair)
        {
            double turns = OriginalMaxPositions * frequency / (2 * Math.PI);
            double kept = Math.Clamp((turns - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor), 0, 1);
            return (1 - kept) * frequency / Factor + kept * frequency;
        }

        /// <inheritdoc/>
        public override string Describe() => FormattableString.Invariant(
            $"scaling llama3, factor {Factor} beyond a context of {OriginalMaxPositions}, low and high frequency factors ") +
            FormattableString.Invariant($"{LowFrequencyFactor} and {HighFrequencyFactor}");
    }

    /// <summary>A divisor for every pair of components, as GGUF files store what Llama 3.1 computes.</summary>
    /// <param name="Divisors">d/2 numbers above 0.</param>
    public sealed record Factors(IReadOnlyList<float> Divisors) : RopeScaling
    {
        /// <inheritdoc/>
        public override double Scale(double frequency, int pair) => frequency / Divisors[pair];

        /// <inheritdoc/>
        public override string Describe() =>
            FormattableString.Invariant($"scaling by factors of {Divisors.Min()} to {Divisors.Max()}, one for each pair of components");
    }
}
