namespace MoA.Engine.Tests.Kernels;

/// <summary>Attention by its definition, one pair of positions at a time in double precision.</summary>
internal static class ReferenceAttention
{
    /// <summary>Whether a prompt's query sees a key: causal, within the window, and in the sink block or the band.</summary>
    public static bool SeesInPrefill(int query, int key, int ring, int window = int.MaxValue) =>
        key <= query && (long)query - key < window && (key / 64 == 0 || key / 64 >= query / 64 - ring / 64 + 1);

    /// <summary>Whether a generated token's query sees a key: causal, within the window, and in the sink or the ring.</summary>
    public static bool SeesInDecode(int query, int key, int ring, int window = int.MaxValue) =>
        key <= query && (long)query - key < window && (key < 64 || key > query - ring);

    /// <summary>Outputs [positions, queryHeads·size] of all positions from <paramref name="first"/> on.</summary>
    /// <param name="rows">Inputs.</param>
    /// <param name="sees">(queryHead, query, key): whether the key is visible.</param>
    /// <param name="first">First position to compute; the rows before it stay zero.</param>
    public static float[] Run(HeadRows rows, Func<int, int, int, bool> sees, int first = 0)
    {
        float[] outputs = new float[rows.Positions * rows.QueryHeads * rows.HeadSize];
        double[] scores = new double[rows.Positions];
        double[] sums = new double[rows.HeadSize];
        for (int query = first; query < rows.Positions; query++)
        {
            for (int head = 0; head < rows.QueryHeads; head++)
            {
                int at = (query * rows.QueryHeads + head) * rows.HeadSize;
                ReadOnlySpan<float> q = rows.Queries.AsSpan(at, rows.HeadSize);
                double largest = double.NegativeInfinity;
                for (int key = 0; key <= query; key++)
                {
                    scores[key] = sees(head, query, key) ? Dot(q, Row(rows, rows.Keys, key, head)) : double.NegativeInfinity;
                    largest = Math.Max(largest, scores[key]);
                }

                Array.Clear(sums);
                double total = 0;
                for (int key = 0; key <= query; key++)
                {
                    if (double.IsNegativeInfinity(scores[key]))
                        continue;
                    double weight = Math.Exp((scores[key] - largest) / Math.Sqrt(rows.HeadSize));
                    total += weight;
                    ReadOnlySpan<float> value = Row(rows, rows.Values, key, head);
                    for (int d = 0; d < sums.Length; d++)
                        sums[d] += weight * value[d];
                }

                for (int d = 0; d < sums.Length; d++)
                    outputs[at + d] = (float)(sums[d] / total);
            }
        }

        return outputs;
    }

    private static ReadOnlySpan<float> Row(HeadRows rows, float[] tensor, int position, int queryHead) => tensor.AsSpan(
        (position * rows.KeyValueHeads + queryHead / rows.Group) * rows.HeadSize, rows.HeadSize);

    private static double Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
            sum += (double)a[i] * b[i];
        return sum;
    }
}
