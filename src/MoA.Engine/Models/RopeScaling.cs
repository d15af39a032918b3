namespace MoA.Engine.Models;

/// <summary>
/// How the frequencies of rotary position embedding are stretched to reach beyond the trained length
/// (docs/method.md, section 1; <c>rope_scaling</c> in config.json). One of <see cref="None"/>, <see cref="Linear"/>
/// and <see cref="Llama3"/>.
/// </summary>
public abstract record RopeScaling
{
    private RopeScaling()
    {
    }

    /// <summary>
    /// The frequency, in radians per token, that stands for the unscaled <paramref name="frequency"/>.
    /// </summary>
    public abstract double Scale(double frequency);

    /// <summary>Frequencies stay as they are.</summary>
    public sealed record None : RopeScaling
    {
        /// <inheritdoc/>
        public override double Scale(double frequency) => frequency;
    }

    /// <summary>Position interpolation: every frequency is divided by the factor (arXiv 2306.15595).</summary>
    /// <param name="Factor">Above 0.</param>
    public sealed record Linear(double Factor) : RopeScaling
    {
        /// <inheritdoc/>
        public override double Scale(double frequency) => frequency / Factor;
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
        public override double Scale(double frequency)
        {
            double turns = OriginalMaxPositions * frequency / (2 * Math.PI);
            double kept = Math.Clamp((turns - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor), 0, 1);
            return (1 - kept) * frequency / Factor + kept * frequency;
        }
    }
}
