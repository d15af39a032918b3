using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Search.Units;

namespace MoA.Tests;

/// <summary>
/// Members of a cluster within the process, by the schedule that a cluster has: three of them, which take up to two units each and end
/// them in a random order, two of which fail now and then, and are lost now and then with all that they took.
/// </summary>
internal sealed class ScatteredWorkers(LanguageModel model, int seed) : IUnitWorkers
{
    private static readonly string[] Members = ["a", "b", "c"];

    private readonly Random _random = new(seed);

    /// <summary>Results after which the one who hands out units comes to an end, as if it was killed; null for none.</summary>
    public int? DiesAfter { get; init; }

    /// <summary>Whether members fail and are lost.</summary>
    public bool Falters { get; init; } = true;

    /// <summary>Units computed.</summary>
    public int Computed { get; private set; }

    /// <summary>Most results that were there and not yet taken, and units under way.</summary>
    public int MostUnderWay { get; private set; }

    /// <inheritdoc/>
    public void Run(IReadOnlyList<WorkUnit> units, bool inOrder, Func<int, ReadOnlyMemory<byte>, WorkUnit?> finished, CancellationToken cancellation)
    {
        int delivered = 0, ended = 0;
        UnitSchedule schedule = new(units, inOrder, (i, result) =>
        {
            delivered++;
            return finished(i, result);
        });
        List<(int Index, WorkUnit Unit, string Member)> taken = [];
        Dictionary<int, int> failures = [];
        while (!schedule.IsDone)
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (string member in Members)
            {
                while (taken.Count(entry => entry.Member == member) < 2 && schedule.TryTake(member, Members, out int free, out WorkUnit? unit))
                    taken.Add((free, unit, member));
            }

            MostUnderWay = Math.Max(MostUnderWay, taken.Count + ended - delivered);
            (int index, WorkUnit next, string who) = taken[_random.Next(taken.Count)];
            int chance = Falters ? _random.Next(10) : 9;
            if (chance == 0 && who != "a")
            {
                foreach ((int lost, _, _) in taken.Where(entry => entry.Member == who))
                    schedule.GiveBack(lost);
                _ = taken.RemoveAll(entry => entry.Member == who);
                continue;
            }

            _ = taken.RemoveAll(entry => entry.Index == index);
            if (chance == 1 && who != "a" && failures.GetValueOrDefault(index) < UnitSchedule.MostFailures - 1)
            {
                failures[index] = failures.GetValueOrDefault(index) + 1;
                schedule.Fail(index, who, new UnitFailure("for the test", IsInput: false));
                continue;
            }

            byte[] result = UnitHandlers.All.Single(handler => handler.Kind == next.Kind).Run(model, next.Payload, cancellation);
            Computed++;
            ended++;
            schedule.Finish(index, result);
            if (Computed == DiesAfter)
                throw new IOException("killed for the test");
        }
    }
}
