using System.Globalization;
using MoA.Cluster.Simulation.Events;
using MoA.Cluster.Simulation.Placements;
using MoA.Cluster.Simulation.Serving;

namespace MoA.Cluster.Simulation.Cases;

/// <summary>
/// The smallest cluster for a load: nothing refused, at most a twentieth of what is read read again, 99 of 100 requests begun within a second, and their first token within twice the
/// time that an idle cluster of that size takes.
/// </summary>
internal static class SizeCase
{
    private const double MostReadAgain = 0.05, LongestWait = 1, MostSlower = 2;

    // An idle cluster has this part of the load.
    private const double Idle = 0.05;

    public static void Run(Settings settings)
    {
        Costs costs = settings.Costs();
        double[] loads = settings.Reals("at-once", "1000"), firsts = settings.Reals("first", "300,8000"), densities = settings.Reals("density", "1,0.5,0.25");
        string[] machines = settings.Texts("machine", "1:4,1:16,8:32,8:128");
        IPlacement placement = Placement.Find(settings.Text("placement", "by-caches")!);
        ulong seed = settings.Seed;
        string? path = settings.Text("out");
        settings.RefuseOthers();

        ResultTable table = new(path, "at once", "tokens each", "plan", "speed", "GiB", "members", "at once a member", "first token p50 s", "p99 s", "alone p99 s",
            "read again %", "busy %", "caches in use %", "kept %");
        var runs =
            from atOnce in loads
            from first in firsts
            from machine in machines
            from density in densities
            select (atOnce, first, machine, density);
        foreach ((double atOnce, double first, string machine, double density) in runs)
        {
            (double speed, double memory) = ParseMachine(machine);
            MemberSettings member = new()
            {
                Costs = costs.Member.Times(speed),
                Rules = CacheRules.Plan(costs.Model, density),
                CacheBytes = (long)(memory * (1L << 30)),
            };
            ClusterSettings Cluster(int members, double part) => Of(member, members, atOnce * part, first, seed);
            (int count, ServingResult result, ServingResult idle) = Find(placement, Cluster);
            table.Add(result.AtOnce, result.TokensOfConversation, member.Rules.Name, speed, memory, count, result.AtOnce / count, result.FirstToken.Quantile(0.5),
                result.FirstToken.Quantile(0.99), idle.FirstToken.Quantile(0.99), 100 * result.ReadAgainShare, 100 * result.Busy, 100 * result.ReservedShare, 100 * result.KeptShare);
        }
    }

    // Twice as many until it is enough, then halves between.
    private static (int Members, ServingResult Result, ServingResult Idle) Find(IPlacement placement, Func<int, double, ClusterSettings> cluster)
    {
        int few = 0, enough = 1;
        (ServingResult Result, ServingResult Idle) found;
        while (!Suffices(enough, out found))
            (few, enough) = (enough, enough * 2);
        while (enough - few > Math.Max(1, enough / 50))
        {
            int middle = few + (enough - few) / 2;
            if (Suffices(middle, out (ServingResult, ServingResult) better))
                (enough, found) = (middle, better);
            else
                few = middle;
        }

        return (enough, found.Result, found.Idle);

        bool Suffices(int members, out (ServingResult Result, ServingResult Idle) results)
        {
            ServingResult idle = new ServingSimulation(cluster(members, Idle), placement).Run();
            ServingResult result = new ServingSimulation(cluster(members, 1), placement).Run();
            results = (result, idle);
            return result.MeasuredRefused == 0 && result.ReadAgainShare <= MostReadAgain && result.Wait.Quantile(0.99) <= LongestWait
                && result.FirstToken.Quantile(0.99) <= MostSlower * idle.FirstToken.Quantile(0.99);
        }
    }

    private static ClusterSettings Of(MemberSettings member, int members, double atOnce, double first, ulong seed)
    {
        Workload workload = new() { ConversationsPerSecond = 1, FirstTokens = new Distribution.Lognormal(first, first > 1000 ? 0.5 : 1.2) };
        double seconds = (workload.Turns.Mean - 1) * workload.ThinkSeconds.Mean;
        return new ClusterSettings
        {
            Members = members,
            Member = member,
            Workload = workload with { ConversationsPerSecond = atOnce / seconds },
            Conversations = (long)Math.Max(5_000, 10 * atOnce),
            WarmUp = 0.4,
            Seed = seed,
        };
    }

    private static (double Speed, double Memory) ParseMachine(string text)
    {
        string[] parts = text.Split(':');
        return parts.Length == 2 && double.TryParse(parts[0], CultureInfo.InvariantCulture, out double speed) && speed > 0
            && double.TryParse(parts[1], CultureInfo.InvariantCulture, out double memory) && memory > 0
            ? (speed, memory)
            : throw new ArgumentException($"--machine {text}: expected a speed and GiB, such as 8:64");
    }
}
