namespace MoA.Search.Optimization;

/// <summary>A set of a walk: its value for every head, and the rules that may still be added.</summary>
internal sealed class RuleSetLevel(int heads, int rules)
{
    /// <summary>[heads]: cost of the cheapest rule of the set.</summary>
    public double[] Least { get; } = new double[heads];

    /// <summary>[heads]: that, or the head's price if it is less.</summary>
    public double[] Floor { get; } = new double[heads];

    /// <summary>Sum of the floor: with the gains of the rules added it is not above the value of the set.</summary>
    public double Bound { get; set; }

    /// <summary>Candidates by growing gain, <see cref="Count"/> of them.</summary>
    public int[] Rule { get; } = new int[rules];

    public double[] Gain { get; } = new double[rules];

    public int Count { get; set; }
}
