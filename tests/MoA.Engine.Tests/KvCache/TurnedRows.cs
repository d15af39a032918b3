using MoA.Engine.Tests.Kernels;

namespace MoA.Engine.Tests.KvCache;

/// <summary>Random rows whose queries have a mean, and are turned by RoPE.</summary>
internal static class TurnedRows
{
    /// <summary>The rows, and their queries before that: an array for each position and query head.</summary>
    public static (HeadRows Rows, double[][] Unturned) Random(int seed, int positions, int keyValueHeads, int group, int size, double theta)
    {
        HeadRows rows = HeadRows.Random(seed, positions, keyValueHeads * group, keyValueHeads, size);
        double[][] unturned = [.. rows.Queries.Chunk(size).Select((query, i) => query.Select((x, d) => x + Math.Sin(i % rows.QueryHeads + d)).ToArray())];
        for (int i = 0; i < unturned.Length; i++)
        {
            for (int f = 0; f < size / 2; f++)
            {
                (double sine, double cosine) = Math.SinCos(i / rows.QueryHeads * Math.Pow(theta, -2.0 * f / size));
                (double x, double y) = (unturned[i][f], unturned[i][size / 2 + f]);
                rows.Queries[i * size + f] = (float)(x * cosine - y * sine);
                rows.Queries[i * size + size / 2 + f] = (float)(y * cosine + x * sine);
            }
        }

        return (rows, unturned);
    }
}
