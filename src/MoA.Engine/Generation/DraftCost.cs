namespace MoA.Engine.Generation;

/// <summary>
/// What a draft costs, as a share of a step without drafts: measured while steps are taken, since it depends on the model, the length
/// and the machine. Where weights come from memory it is small, where they stay in a cache a draft costs nearly a step.
/// </summary>
internal sealed class DraftCost
{
    private const double Unknown = 0.25;

    private readonly List<double> _plain = [];

    /// <summary>The share, from 0 to 1.</summary>
    public double Share { get; private set; } = Unknown;

    /// <summary>Takes note of a step.</summary>
    /// <param name="runs">Runs that decoded.</param>
    /// <param name="drafts">Drafts of all of them.</param>
    /// <param name="seconds">Its time.</param>
    public void Note(int runs, int drafts, double seconds)
    {
        while (_plain.Count <= runs)
            _plain.Add(0);
        double plain = _plain[runs];
        if (drafts == 0)
            _plain[runs] = plain == 0 ? seconds : Follow(plain, seconds);
        else if (plain > 0)
            Share = Follow(Share, Math.Clamp((seconds / plain - 1) / drafts, 0, 1));
    }

    // What lies above is other work of the machine, or a kernel's first use, more often than the step's own.
    private static double Follow(double before, double now) => before + (now - before) * (now < before ? 0.5 : 0.1);
}
