namespace MoA.Engine.Configuration;

/// <summary>
/// How the frequencies of rotary position embedding are stretched to reach beyond the trained length
/// (docs/method.md, section 1; <c>rope_scaling</c> or <c>rope_parameters</c> in config.json). One of <see cref="None"/>,
/// <see cref="Linear"/>, <see cref="Llama3"/>, <see cref="Yarn"/>, <see cref="LongRope"/>, <see cref="Dynamic"/> and
/// <see cref="Factors"/>.
/// </summary>
internal abstract record RopeScaling
{
    private RopeScaling()
    {
    }

    /// <summary>What cosines and sines are multiplied by.</summary>
    public virtual double AttentionFactor => 1;

    /// <summary>
    /// A length that has the same frequencies: texts are turned alike where this number is the same. 0 where lengths do not matter.
    /// </summary>
    /// <param name="length">Tokens of the whole text.</param>
    public virtual int Regime(int length) => 0;

    /// <summary>Computes the frequencies of a text, in radians per token.</summary>
    /// <param name="theta">The base.</param>
    /// <param name="length">Tokens of the whole text; matters where <see cref="Regime"/> says so.</param>
    /// <param name="frequencies">Takes one for each pair of components, the fastest first.</param>
    public abstract void Frequencies(double theta, int length, Span<double> frequencies);

    /// <summary>The kind as config.json names it and its numbers, in words for a reader.</summary>
    public abstract string Describe();

    private static void Unscaled(double theta, Span<double> frequencies)
    {
        for (int pair = 0; pair < frequencies.Length; pair++)
            frequencies[pair] = Math.Pow(theta, -(double)pair / frequencies.Length);
    }

    /// <summary>Frequencies stay as they are.</summary>
    public sealed record None : RopeScaling
    {
        /// <inheritdoc/>
        public override void Frequencies(double theta, int length, Span<double> frequencies) => Unscaled(theta, frequencies);

        /// <inheritdoc/>
        public override string Describe() => "no scaling";
    }

    /// <summary>Position interpolation: every frequency is divided by the factor (arXiv 2306.15595).</summary>
    /// <param name="Factor">Above 0.</param>
    public sealed record Linear(double Factor) : RopeScaling
    {
        /// <inheritdoc/>
        public override void Frequencies(double theta, int length, Span<double> frequencies)
        {
            Unscaled(theta, frequencies);
            foreach (ref double frequency in frequencies)
                frequency /= Factor;
        }

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
        public override void Frequencies(double theta, int length, Span<double> frequencies)
        {
            Unscaled(theta, frequencies);
            foreach (ref double frequency in frequencies)
            {
                double turns = OriginalMaxPositions * frequency / (2 * Math.PI);
                double kept = Math.Clamp((turns - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor), 0, 1);
                frequency = (1 - kept) * frequency / Factor + kept * frequency;
            }
        }

        /// <inheritdoc/>
        public override string Describe() => FormattableString.Invariant(
            $"scaling llama3, factor {Factor} beyond a context of {OriginalMaxPositions}, low and high frequency factors ") +
            FormattableString.Invariant($"{LowFrequencyFactor} and {HighFrequencyFactor}");
    }

    /// <summary>
    /// YaRN (arXiv 2309.00071): pairs that turn more than <paramref name="BetaFast"/> times within the first trained length stay, those
    /// that turn less than <paramref name="BetaSlow"/> times are divided by the factor, those between are blended by their index.
    /// </summary>
    /// <param name="Factor">Above 0.</param>
    /// <param name="OriginalMaxPositions">Length in tokens that the model was first trained for.</param>
    /// <param name="Attention">What cosines and sines are multiplied by.</param>
    /// <param name="BetaFast">Above 0.</param>
    /// <param name="BetaSlow">Above 0.</param>
    /// <param name="Truncates">Whether the ends of the blend are whole indices.</param>
    public sealed record Yarn(
        double Factor, int OriginalMaxPositions, double Attention, double BetaFast = 32, double BetaSlow = 1, bool Truncates = true) : RopeScaling
    {
        /// <inheritdoc/>
        public override double AttentionFactor => Attention;

        /// <summary>The factor of cosines and sines that goes with a stretch: 0.1·m·ln(factor) + 1.</summary>
        /// <param name="factor">The stretch.</param>
        /// <param name="scale">m.</param>
        public static double AttentionOf(double factor, double scale = 1) => factor <= 1 ? 1 : 0.1 * scale * Math.Log(factor) + 1;

        /// <inheritdoc/>
        public override void Frequencies(double theta, int length, Span<double> frequencies)
        {
            Unscaled(theta, frequencies);
            double low = Edge(BetaFast, theta, frequencies.Length), high = Edge(BetaSlow, theta, frequencies.Length);
            if (Truncates)
                (low, high) = (Math.Floor(low), Math.Ceiling(high));
            low = Math.Max(low, 0);
            high = Math.Min(high, 2 * frequencies.Length - 1);
            if (low == high)
                high += 0.001; // as all implementations do against a division by 0
            for (int pair = 0; pair < frequencies.Length; pair++)
            {
                double ramp = Math.Clamp((pair - low) / (high - low), 0, 1);
                frequencies[pair] = frequencies[pair] * (1 - ramp) + frequencies[pair] / Factor * ramp;
            }
        }

        /// <inheritdoc/>
        public override string Describe() => FormattableString.Invariant(
            $"scaling yarn, factor {Factor} of a context of {OriginalMaxPositions}, attention factor {Attention:0.####}");

        // The index of the pair that turns so many times within the first trained length.
        private double Edge(double turns, double theta, int pairs) =>
            2 * pairs * Math.Log(OriginalMaxPositions / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));
    }

    /// <summary>
    /// LongRoPE (arXiv 2402.13753): a divisor for every pair of components, other ones for texts beyond the first trained length.
    /// </summary>
    /// <param name="ShortDivisors">For texts up to <paramref name="OriginalMaxPositions"/> tokens; numbers above 0.</param>
    /// <param name="LongDivisors">For longer texts.</param>
    /// <param name="OriginalMaxPositions">Length in tokens that the model was first trained for.</param>
    /// <param name="Attention">What cosines and sines are multiplied by, whatever the length.</param>
    public sealed record LongRope(
        IReadOnlyList<float> ShortDivisors, IReadOnlyList<float> LongDivisors, int OriginalMaxPositions, double Attention) : RopeScaling
    {
        /// <inheritdoc/>
        public override double AttentionFactor => Attention;

        /// <inheritdoc/>
        public override int Regime(int length) => length > OriginalMaxPositions ? 1 : 0;

        /// <inheritdoc/>
        public override void Frequencies(double theta, int length, Span<double> frequencies)
        {
            Unscaled(theta, frequencies);
            IReadOnlyList<float> divisors = Regime(length) > 0 ? LongDivisors : ShortDivisors;
            for (int pair = 0; pair < frequencies.Length; pair++)
                frequencies[pair] /= divisors[pair];
        }

        /// <inheritdoc/>
        public override string Describe() => FormattableString.Invariant(
            $"scaling longrope beyond a context of {OriginalMaxPositions}, attention factor {Attention:0.####}");
    }

    /// <summary>Dynamic NTK: the base grows with a text that is longer than the model was trained for.</summary>
    /// <param name="Factor">At least 1.</param>
    /// <param name="TrainedPositions">Length in tokens up to which nothing changes.</param>
    public sealed record Dynamic(double Factor, int TrainedPositions) : RopeScaling
    {
        /// <inheritdoc/>
        public override int Regime(int length) => Math.Max(0, length - TrainedPositions);

        /// <inheritdoc/>
        public override void Frequencies(double theta, int length, Span<double> frequencies)
        {
            double stretch = Factor * Math.Max(length, TrainedPositions) / TrainedPositions - (Factor - 1);
            double dimensions = 2 * frequencies.Length;
            Unscaled(theta * Math.Pow(stretch, dimensions / (dimensions - 2)), frequencies);
        }

        /// <inheritdoc/>
        public override string Describe() => FormattableString.Invariant($"scaling dynamic, factor {Factor} beyond a context of {TrainedPositions}");
    }

    /// <summary>A divisor for every pair of components, as GGUF files store what Llama 3.1 computes.</summary>
    /// <param name="Divisors">Numbers above 0.</param>
    /// <param name="Attention">What cosines and sines are multiplied by.</param>
    public sealed record Factors(IReadOnlyList<float> Divisors, double Attention = 1) : RopeScaling
    {
        /// <inheritdoc/>
        public override double AttentionFactor => Attention;

        /// <inheritdoc/>
        public override void Frequencies(double theta, int length, Span<double> frequencies)
        {
            Unscaled(theta, frequencies);
            for (int pair = 0; pair < frequencies.Length; pair++)
                frequencies[pair] /= Divisors[pair];
        }

        /// <inheritdoc/>
        public override string Describe() =>
            FormattableString.Invariant($"scaling by factors of {Divisors.Min()} to {Divisors.Max()}, one for each pair of components");
    }
}
