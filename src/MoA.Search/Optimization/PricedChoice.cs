namespace MoA.Search.Optimization;

/// <summary>A choice found at some prices: its cost, its usage of every row, and what was chosen in each part.</summary>
internal sealed class PricedChoice(int rows, int parts)
{
    public double Cost { get; set; }

    public double[] Usage { get; } = new double[rows];

    /// <summary>[parts]: the chosen rule of each head, or the chosen column of each group.</summary>
    public int[] Chosen { get; } = new int[parts];
}
