using MoA.Cluster.Simulation.Placements;
using MoA.Cluster.Simulation.Serving;

namespace MoA.Cluster.Simulation.Cases;

/// <summary>Runs a cluster for every combination of the values given: placements, members, load, memory, plans, ages of reports, deaths.</summary>
internal static class ServingCase
{
    private const long GiB = 1L << 30;

    public static void Run(Settings settings)
    {
        Costs costs = settings.Costs();
        string[] placements = settings.Texts("placement", string.Join(',', Placement.All.Select(placement => placement.Name)));
        int[] members = settings.Numbers("members", "100");
        double[] loads = settings.Reals("rate", "0.05"), memories = settings.Reals("memory", "4"), densities = settings.Reals("density", "1");
        double[] ages = settings.Reals("reports", "1"), deaths = settings.Reals("death", "inf"), drains = settings.Reals("drain", "inf");
        double speed = settings.Real("speed", 1), swing = settings.Real("swing", 0), detection = settings.Real("detection", 15);
        long conversations = settings.Number("conversations", 40_000);
        int systems = (int)settings.Number("systems", 200);
        ulong seed = settings.Seed;
        string? path = settings.Text("out");
        settings.RefuseOthers();

        ResultTable table = new(path, "placement", "members", "conversations/s", "GiB", "plan", "reports s", "death s", "at once", "read again %", "system read %",
            "first token p50 s", "p99 s", "waited p99 s", "refused %", "busy %", "busiest %", "imbalance %", "caches in use %", "kept %", "tokens/s", "events/s");
        var runs =
            from count in members
            from density in densities
            from memory in memories
            from load in loads
            from death in deaths
            from drain in drains
            from age in ages
            from placement in placements
            select (count, density, memory, load, death, drain, age, placement);
        foreach ((int count, double density, double memory, double load, double death, double drain, double age, string placement) in runs)
        {
            CacheRules rules = CacheRules.Plan(costs.Model, density);
            ClusterSettings cluster = new()
            {
                Members = count,
                Member = new()
                {
                    Costs = costs.Member.Times(speed),
                    Rules = rules,
                    CacheBytes = (long)(memory * GiB),
                    ReportSeconds = age,
                },
                Workload = new() { ConversationsPerSecond = load * count, DailySwing = swing, Systems = systems },
                Conversations = conversations,
                MeanSecondsToDeath = death,
                SecondsBetweenDrains = drain,
                DetectionSeconds = detection,
                Seed = seed,
            };
            ServingResult result = new ServingSimulation(cluster, Placement.Find(placement)).Run();
            table.Add(placement, count, load * count, memory, rules.Name, age, death, result.AtOnce, 100 * result.ReadAgainShare,
                100.0 * result.SystemTokensRead / Math.Max(1, result.TokensRead), result.FirstToken.Quantile(0.5), result.FirstToken.Quantile(0.99),
                result.Wait.Quantile(0.99), 100.0 * result.MeasuredRefused / Math.Max(1, result.Measured), 100 * result.Busy, 100 * result.BusyMost,
                100 * result.Imbalance, 100 * result.ReservedShare, 100 * result.KeptShare, result.TokensWritten / result.Seconds,
                result.Events / result.ElapsedSeconds);
        }
    }
}
