namespace MoA.Search.Optimization;

/// <summary>What a walk looks for: the least value and its set, or, with a visitor, all sets within a limit.</summary>
internal struct RuleSetWalk(double limit, double[] headPrices, int nodes, int[]? best)
{
    public readonly double[] HeadPrices => headPrices;

    /// <summary>The limit, or the least value found below it.</summary>
    public double Limit { get; private set; } = limit;

    public int NodesLeft { get; set; } = nodes;

    public Func<int[], bool>? Visitor { get; init; }

    public readonly bool IsWithin(double value) => Visitor is null ? value < Limit : value <= Limit + 1e-12 * Math.Abs(Limit);

    /// <summary>Notes a set and its value; false to end the walk.</summary>
    public bool Take(ReadOnlySpan<int> set, double value)
    {
        if (Visitor is not null)
            return Visitor(set.ToArray());
        Limit = value;
        for (int i = 0; i < best!.Length; i++)
            best[i] = set[Math.Min(i, set.Length - 1)];
        return true;
    }
}
