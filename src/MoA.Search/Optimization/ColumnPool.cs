namespace MoA.Search.Optimization;

/// <summary>
/// A choice of one column in every group: a group is a head and its columns are the rules, or a group is a layer and its
/// columns are assignments of rules to its heads.
/// </summary>
internal sealed class ColumnPool
{
    private readonly CoupledProgramme _programme;
    private readonly List<ushort[]>? _assignments;

    private ColumnPool(
        CoupledProgramme programme, int[] start, double[] cost, double[][] usage, List<ushort[]>? assignments)
    {
        _programme = programme;
        Start = start;
        Cost = cost;
        Usage = usage;
        _assignments = assignments;
        GroupOf = new int[cost.Length];
        for (int group = 0; group < Groups; group++)
            GroupOf.AsSpan(start[group]..start[group + 1]).Fill(group);
    }

    public int Groups => Start.Length - 1;

    public int Columns => Cost.Length;

    /// <summary>[groups + 1]: first column of each group.</summary>
    public int[] Start { get; }

    public int[] GroupOf { get; }

    public double[] Cost { get; }

    /// <summary>[rows][columns].</summary>
    public double[][] Usage { get; }

    /// <summary>Every rule of every head, for programmes without a limit on the rules of a layer.</summary>
    public static ColumnPool OfHeads(CoupledProgramme programme)
    {
        int heads = programme.Layers * programme.Heads;
        int[] start = [.. Enumerable.Range(0, heads + 1).Select(head => head * programme.Rules)];
        return new ColumnPool(programme, start, programme.Cost, programme.Usage, null);
    }

    /// <summary>Given assignments of rules to the heads of each layer.</summary>
    public static ColumnPool OfLayers(CoupledProgramme programme, IReadOnlyList<IReadOnlyList<ushort[]>> assignments)
    {
        int[] start = new int[programme.Layers + 1];
        for (int layer = 0; layer < programme.Layers; layer++)
            start[layer + 1] = start[layer] + assignments[layer].Count;
        double[] cost = new double[start[^1]];
        double[][] usage = [.. programme.Usage.Select(_ => new double[cost.Length])];
        List<ushort[]> all = [];
        for (int layer = 0; layer < programme.Layers; layer++)
        {
            foreach (ushort[] rules in assignments[layer])
            {
                int column = all.Count;
                for (int head = 0; head < rules.Length; head++)
                {
                    int index = (layer * programme.Heads + head) * programme.Rules + rules[head];
                    cost[column] += programme.Cost[index];
                    for (int row = 0; row < usage.Length; row++)
                        usage[row][column] += programme.Usage[row][index];
                }

                all.Add(rules);
            }
        }

        return new ColumnPool(programme, start, cost, usage, all);
    }

    /// <summary>The rule of every head of the programme.</summary>
    /// <param name="chosen">[groups]: the chosen column.</param>
    public int[] RulesOf(ReadOnlySpan<int> chosen)
    {
        int[] rules = new int[_programme.Layers * _programme.Heads];
        for (int group = 0; group < Groups; group++)
        {
            if (_assignments is null)
            {
                rules[group] = chosen[group] - Start[group];
                continue;
            }

            ushort[] assignment = _assignments[chosen[group]];
            for (int head = 0; head < assignment.Length; head++)
                rules[group * _programme.Heads + head] = assignment[head];
        }

        return rules;
    }
}
