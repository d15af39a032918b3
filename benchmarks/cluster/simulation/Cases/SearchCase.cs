using MoA.Cluster.Simulation.Events;
using MoA.Cluster.Simulation.Searching;

namespace MoA.Cluster.Simulation.Cases;

/// <summary>A step of a search for every combination of the values given.</summary>
internal static class SearchCase
{
    public static void Run(Settings settings)
    {
        Costs costs = settings.Costs();
        int[] members = settings.Numbers("members", "1,8,64,256,1000");
        int[] units = settings.Numbers("units", "1000");
        double[] seconds = settings.Reals("unit", "60"), bytes = settings.Reals("result", "0"), deaths = settings.Reals("death", "inf");
        double spread = settings.Real("spread", 0.2), slowness = settings.Real("slowness", 0.1);
        double link = settings.Real("link", costs.Number("linkBytesPerSecond")), taking = costs.Number("unitSeconds"), takingBytes = costs.Number("resultBytesPerSecond");
        double detection = costs.Number("detectionSeconds"), restart = settings.Real("restart", 60);
        bool inOrder = settings.Text("order", "yes") == "yes";
        ulong seed = settings.Seed;
        string? path = settings.Text("out");
        settings.RefuseOthers();

        ResultTable table = new(path, "members", "units", "unit s", "result MB", "death s", "took s", "times one", "efficiency %", "lost", "link busy %",
            "coordinator busy %", "most held", "held MB");
        var runs =
            from count in units
            from unit in seconds
            from result in bytes
            from death in deaths
            from member in members
            select (count, unit, result, death, member);
        foreach ((int count, double unit, double result, double death, int member) in runs)
        {
            SearchResult run = new SearchSimulation(new SearchSettings
            {
                Members = member,
                Units = count,
                UnitSeconds = Mean(unit, spread),
                Slowness = Mean(1, slowness),
                InOrder = inOrder,
                ResultBytes = result * 1e6,
                BytesPerSecond = link,
                CoordinatorSeconds = taking + result * 1e6 / takingBytes,
                MeanSecondsToDeath = death,
                DetectionSeconds = detection,
                RestartSeconds = restart,
                Seed = seed,
            }).Run();
            table.Add(member, count, unit, result, death, run.Seconds, run.Efficiency * member, 100 * run.Efficiency, run.Lost, 100 * run.LinkBusy,
                100 * run.CoordinatorBusy, run.MostHeld, run.MostHeld * result);
        }
    }

    private static Distribution Mean(double mean, double sigma) => sigma == 0
        ? new Distribution.Constant(mean)
        : new Distribution.Lognormal(mean * Math.Exp(-sigma * sigma / 2), sigma);
}
