using MoA.Engine.Kernels;
using MoA.Engine.Tests.Kernels;

namespace MoA.Engine.Tests.KvCache;

/// <summary>
/// Which positions stay under H2O, SnapKV and PyramidKV: their papers' rules written down one to one, in double
/// precision, over lists of positions. Query heads of a group share their KV head's list; their attention is added.
/// </summary>
internal sealed class EvictionReference(HeadRows rows, AttentionTraits traits = default)
{
    /// <summary>For each query the positions that it sees, [position][KV head].</summary>
    public List<HashSet<int>[]> Visible { get; } = [];

    /// <summary>Positions held now, by KV head, in order.</summary>
    public List<int>[] Held { get; } = [.. Enumerable.Range(0, rows.KeyValueHeads).Select(_ => new List<int>())];

    /// <summary>Accumulated attention of the held positions.</summary>
    private readonly List<double>[] _scores = [.. Enumerable.Range(0, rows.KeyValueHeads).Select(_ => new List<double>())];

    private int _prompt;

    /// <summary>Tokens of a prompt: each sees everything held and the prompt so far.</summary>
    public void Read(int count)
    {
        _prompt = count;
        for (int i = 0; i < count; i++)
            Append();
    }

    /// <summary>A generated token, whose attention is accumulated too.</summary>
    public void Append()
    {
        int position = Visible.Count;
        Visible.Add(new HashSet<int>[rows.KeyValueHeads]);
        for (int head = 0; head < rows.KeyValueHeads; head++)
        {
            Held[head].Add(position);
            _scores[head].Add(0);
            Visible[position][head] = [.. Held[head]];
            double[] weights = Weights(position, head, Held[head]);
            for (int i = 0; i < weights.Length; i++)
                _scores[head][i] += weights[i];
        }
    }

    /// <summary>H2O, after a token: of all but the recent, the heaviest stay (the research code's H2OKVCache_LayerWise).</summary>
    public void EvictHeavy(int heavySize, int recentSize)
    {
        for (int head = 0; head < Held.Length; head++)
        {
            int length = Held[head].Count;
            if (length <= heavySize + recentSize)
                continue;
            IEnumerable<int> heavy = Enumerable.Range(0, length - recentSize)
                .OrderByDescending(i => _scores[head][i]).Take(heavySize).Order();
            Keep(head, [.. heavy.Concat(Enumerable.Range(length - recentSize, recentSize))]);
        }
    }

    /// <summary>
    /// SnapKV, after a prompt: softmax rows of the last queries, summed over the queries, pooled (zeros beyond the ends
    /// count), the best <paramref name="capacity"/> − window of the prefix, then the window (the official update_kv).
    /// </summary>
    public void Compress(int capacity, int window, int kernel, bool average)
    {
        for (int head = 0; head < Held.Length; head++)
        {
            int length = Held[head].Count;
            if (length <= capacity)
                continue;
            double[] votes = new double[length - window];
            for (int query = Visible.Count - Math.Min(window, _prompt); query < Visible.Count; query++)
            {
                List<int> seen = [.. Held[head].Where(position => position <= query)];
                double[] weights = Weights(query, head, seen);
                for (int i = 0; i < votes.Length; i++)
                    votes[i] += i < weights.Length ? weights[i] : 0;
            }

            double[] pooled = [.. Enumerable.Range(0, votes.Length).Select(i =>
            {
                IEnumerable<double> around = Enumerable.Range(i - kernel / 2, kernel)
                    .Where(j => j >= 0 && j < votes.Length).Select(j => votes[j]);
                return average ? around.Sum() / kernel : around.Max();
            })];
            IEnumerable<int> best = Enumerable.Range(0, votes.Length)
                .OrderByDescending(i => pooled[i]).Take(capacity - window).Order();
            Keep(head, [.. best.Concat(Enumerable.Range(length - window, window))]);
        }
    }

    private void Keep(int head, int[] indices)
    {
        List<int> held = [.. indices.Select(i => Held[head][i])];
        List<double> scores = [.. indices.Select(i => _scores[head][i])];
        Held[head].Clear();
        Held[head].AddRange(held);
        _scores[head].Clear();
        _scores[head].AddRange(scores);
    }

    // Softmax weights of a position's queries over some positions, summed over the query heads of a group.
    private double[] Weights(int query, int keyValueHead, List<int> positions)
    {
        double[] sums = new double[positions.Count];
        for (int head = keyValueHead * rows.Group; head < (keyValueHead + 1) * rows.Group; head++)
        {
            double[] weights = [.. positions.Select(key => Math.Exp(Score(query, head, key)))];
            double total = weights.Sum() + (traits.Sinks is float[] sinks ? Math.Exp(sinks[head]) : 0);
            for (int i = 0; i < sums.Length; i++)
                sums[i] += weights[i] / total;
        }

        return sums;
    }

    private double Score(int query, int head, int key)
    {
        int q = (query * rows.QueryHeads + head) * rows.HeadSize;
        int k = (key * rows.KeyValueHeads + head / rows.Group) * rows.HeadSize;
        double sum = 0;
        for (int d = 0; d < rows.HeadSize; d++)
            sum += (double)rows.Queries[q + d] * rows.Keys[k + d];
        sum *= traits.Scale > 0 ? traits.Scale : 1 / Math.Sqrt(rows.HeadSize);
        return traits.SoftCap > 0 ? traits.SoftCap * Math.Tanh(sum / traits.SoftCap) : sum;
    }
}
