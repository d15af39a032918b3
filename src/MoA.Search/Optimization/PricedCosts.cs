using System.Numerics;

namespace MoA.Search.Optimization;

/// <summary>Vectorised sums over rows of coefficients.</summary>
internal static class PricedCosts
{
    /// <summary>result = cost + sum of price·usage over the rows.</summary>
    public static void Combine(
        ReadOnlySpan<double> cost, double[][] usage, ReadOnlySpan<double> prices, Span<double> result)
    {
        cost.CopyTo(result);
        for (int row = 0; row < prices.Length; row++)
        {
            if (prices[row] != 0)
                AddScaled(result, usage[row].AsSpan(0, result.Length), prices[row]);
        }
    }

    private static void AddScaled(Span<double> sum, ReadOnlySpan<double> values, double factor)
    {
        int width = Vector<double>.Count;
        Vector<double> factors = new(factor);
        int i = 0;
        for (; i <= sum.Length - width; i += width)
            (new Vector<double>(sum[i..]) + factors * new Vector<double>(values[i..])).CopyTo(sum[i..]);
        for (; i < sum.Length; i++)
            sum[i] += factor * values[i];
    }
}
