using System.Globalization;

namespace MoA.Cluster.Simulation.Serving;

/// <summary>A member as the cluster sees it: whether it takes requests, and what it last reported, which is as old as its reports are rare.</summary>
internal sealed class ClusterMember(int id, MemberSettings settings, IMemberObserver observer, int systems, double phase)
{
    private readonly (double Changed, bool IsHeld)[] _systems = NewSystems(systems);
    private MemberReport _reported;
    private MemberReport _last;
    private double _changed = double.NegativeInfinity;

    /// <summary>Its number.</summary>
    public int Id { get; } = id;

    /// <summary>The number as a text.</summary>
    public string Name { get; } = id.ToString(CultureInfo.InvariantCulture);

    /// <summary>Bytes of all its caches.</summary>
    public long CacheBytes => settings.CacheBytes;

    /// <summary>Its work.</summary>
    public Member Work { get; } = new(settings, observer);

    /// <summary>Whether it runs.</summary>
    public bool IsUp { get; set; } = true;

    /// <summary>Whether the others take it to be running and ready for conversations.</summary>
    public bool IsOpen { get; set; } = true;

    /// <summary>Whether it works its last requests off.</summary>
    public bool IsDraining { get; set; }

    /// <summary>Counts its starts: deaths planned before one are void.</summary>
    public int Starts { get; set; }

    /// <summary>Requests that were sent to it while it was dead and nobody knew.</summary>
    public List<Turn> Stranded { get; } = [];

    /// <summary>Notes what the next report will say. Reports are sent at fixed moments, so nothing has to happen for them.</summary>
    public void Note(double now)
    {
        MemberReport report = Work.Report;
        if (report == _last)
            return;
        if (ReportAt(now) > ReportAt(_changed))
            _reported = _last;
        (_last, _changed) = (report, now);
    }

    /// <summary>Notes that a system prompt's caches are there or are no more.</summary>
    public void NoteSystem(int system, bool isHeld, double now) => _systems[system] = (now, isHeld);

    /// <summary>What it reported last.</summary>
    public MemberReport Reported(double now) => settings.ReportSeconds == 0 || ReportAt(now) > ReportAt(_changed) ? _last : _reported;

    /// <summary>Whether it reported to hold a system prompt's caches.</summary>
    public bool ReportedSystem(int system, double now)
    {
        (double changed, bool isHeld) = _systems[system];
        return settings.ReportSeconds == 0 || ReportAt(now) > ReportAt(changed) ? isHeld : !isHeld;
    }

    /// <summary>It starts, empty.</summary>
    public void Start(double now)
    {
        (IsUp, IsOpen, IsDraining, Starts) = (true, true, false, Starts + 1);
        Note(now);
        _reported = _last;
    }

    private double ReportAt(double time) => settings.ReportSeconds == 0 ? time : Math.Floor(time / settings.ReportSeconds + phase);

    private static (double, bool)[] NewSystems(int systems)
    {
        (double, bool)[] all = new (double, bool)[systems];
        Array.Fill(all, (double.NegativeInfinity, false));
        return all;
    }
}
