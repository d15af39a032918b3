namespace MoA.Cluster.Simulation.Events;

/// <summary>Very many times, counted in steps of one percent, so that memory does not grow with them.</summary>
internal sealed class Times
{
    private const double Least = 1e-6, Step = 1.01;

    private readonly long[] _counts = new long[2400]; // up to 20,000 s
    private double _sum;

    /// <summary>How many there are.</summary>
    public long Count { get; private set; }

    /// <summary>Their mean, exactly.</summary>
    public double Mean => Count == 0 ? 0 : _sum / Count;

    /// <summary>Adds one.</summary>
    public void Add(double seconds)
    {
        int step = seconds <= Least ? 0 : 1 + (int)(Math.Log(seconds / Least) / Math.Log(Step));
        _counts[Math.Min(step, _counts.Length - 1)]++;
        _sum += seconds;
        Count++;
    }

    /// <summary>A quantile, to one percent: 0.5 is the median.</summary>
    public double Quantile(double part)
    {
        long before = 0, wanted = (long)Math.Floor(part * (Count - 1));
        for (int step = 0; step < _counts.Length; step++)
        {
            before += _counts[step];
            if (before > wanted)
                return step == 0 ? 0 : Least * Math.Pow(Step, step - 0.5);
        }

        return 0;
    }
}
