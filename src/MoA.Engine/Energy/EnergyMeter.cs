namespace MoA.Engine.Energy;

/// <summary>Counts the energy that a device takes, whoever uses it: other work and idling included.</summary>
internal abstract class EnergyMeter : IDisposable
{
    private const int LeastIntervals = 10;

    /// <summary>What is counted, in words: <c>RAPL, 2 packages</c>.</summary>
    public abstract string Source { get; }

    /// <summary>How often the counter moves.</summary>
    public abstract TimeSpan Interval { get; }

    /// <summary>The shortest span of time whose energy is told within a tenth; what is shorter is not reported.</summary>
    public TimeSpan ShortestSpan => LeastIntervals * Interval;

    /// <summary>Joules taken since the meter was opened.</summary>
    /// <exception cref="IOException">The counter can no longer be read; the message is one line.</exception>
    public abstract double Joules();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Lets go of the counter.</summary>
    /// <param name="disposing">Whether it is disposed rather than collected.</param>
    protected virtual void Dispose(bool disposing)
    {
    }
}
