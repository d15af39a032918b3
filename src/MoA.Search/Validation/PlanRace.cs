using MoA.Search.Calibration;

namespace MoA.Search.Validation;

/// <summary>
/// Chooses among plans by their losses on the same items: a round of items for all, then twice as many for those that may still be the best. A
/// plan is out when its difference to the leader, item by item, is more than three standard errors (losses have long tails, and there are
/// several looks); those that are left, or the one, run on all items.
/// </summary>
internal sealed class PlanRace
{
    /// <summary>Items of the first round: the fewest from whose spread an interval is worth reckoning.</summary>
    public const int FirstItems = 25;

    private readonly IReadOnlyList<EncodedItem> _items;
    private readonly int[] _order;

    /// <summary>Lines the items up, data sets taking turns, so that every round has its share of each.</summary>
    public PlanRace(IReadOnlyList<EncodedItem> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        _items = items;
        _order =
        [
            .. Enumerable.Range(0, items.Count)
                .GroupBy(i => SetOf(items[i]))
                .SelectMany(set => set.Select((item, turn) => (item, turn)))
                .OrderBy(entry => (entry.turn, entry.item))
                .Select(entry => entry.item),
        ];
    }

    /// <summary>The items in the order of the race.</summary>
    public EncodedItem[] Items => [.. _order.Select(i => _items[i])];

    /// <summary>What items are averaged within.</summary>
    public static string SetOf(EncodedItem item) => item.Item.Dataset ?? item.Item.Kind ?? "";

    /// <summary>Runs the race.</summary>
    /// <param name="plans">How many plans there are.</param>
    /// <param name="score">Losses of some plans on some items: [plan][item].</param>
    /// <returns>The items of each plan in the order of the race, and their losses.</returns>
    public (EncodedItem[] Items, double[] Losses)[] Run(int plans, Func<int[], EncodedItem[], double[][]> score)
    {
        List<double>[] losses = [.. Enumerable.Range(0, plans).Select(_ => new List<double>())];
        int[] left = [.. Enumerable.Range(0, plans)];
        for (int done = 0, next; done < _order.Length; done = next)
        {
            next = Math.Min(_order.Length, Math.Max(FirstItems, 2 * done));
            EncodedItem[] round = [.. _order[done..next].Select(i => _items[i])];
            double[][] scored = score(left, round);
            for (int i = 0; i < left.Length; i++)
                losses[left[i]].AddRange(scored[i]);
            int leader = left.MinBy(plan => Mean(losses[plan]).Mean);
            left = [.. left.Where(plan => !IsWorse(Difference(losses[plan], losses[leader])))];
        }

        return [.. losses.Select(list => (_order[..list.Count].Select(i => _items[i]).ToArray(), list.ToArray()))];
    }

    /// <summary>By how much a plan loses more than another on the items that both ran.</summary>
    public MeanInterval Difference(IReadOnlyList<double> plan, IReadOnlyList<double> other)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(other);
        return Mean([.. plan.Zip(other, (loss, than) => loss - than)]);
    }

    // An interval has 1.96 standard errors on either side.
    private static bool IsWorse(MeanInterval difference) => difference.Mean > 3 / 1.96 * (difference.Mean - difference.Low);

    private MeanInterval Mean(IReadOnlyList<double> values) => MeanInterval.OfGroups(
        values.Select((value, i) => (Set: SetOf(_items[_order[i]]), value)).GroupBy(entry => entry.Set, (_, set) => set.Select(entry => entry.value).ToArray()));
}
