namespace MoA.Cluster.Simulation.Events;

/// <summary>How a quantity varies.</summary>
internal abstract record Distribution
{
    /// <summary>The mean.</summary>
    public abstract double Mean { get; }

    /// <summary>Draws a value.</summary>
    public abstract double Draw(ref Randomness random);

    /// <summary>Draws a whole number of at least one.</summary>
    public int DrawCount(ref Randomness random) => (int)Math.Clamp(Math.Round(Draw(ref random)), 1, int.MaxValue / 4);

    /// <summary>Always the same.</summary>
    public sealed record Constant(double Value) : Distribution
    {
        public override double Mean => Value;

        public override double Draw(ref Randomness random) => Value;
    }

    /// <summary>Exponential: without memory.</summary>
    public sealed record Exponential(double MeanValue) : Distribution
    {
        public override double Mean => MeanValue;

        public override double Draw(ref Randomness random) => -MeanValue * Math.Log(random.Uniform());
    }

    /// <summary>Geometric, from one: after each there is another with the same probability.</summary>
    public sealed record Geometric(double MeanValue) : Distribution
    {
        public override double Mean => MeanValue;

        public override double Draw(ref Randomness random) =>
            MeanValue <= 1 ? 1 : 1 + Math.Floor(Math.Log(random.Uniform()) / Math.Log(1 - 1 / MeanValue));
    }

    /// <summary>Lognormal: the logarithm varies normally.</summary>
    public sealed record Lognormal(double Median, double Sigma) : Distribution
    {
        public override double Mean => Median * Math.Exp(Sigma * Sigma / 2);

        public override double Draw(ref Randomness random)
        {
            double radius = Math.Sqrt(-2 * Math.Log(random.Uniform()));
            return Median * Math.Exp(Sigma * radius * Math.Cos(2 * Math.PI * random.Uniform()));
        }
    }
}
