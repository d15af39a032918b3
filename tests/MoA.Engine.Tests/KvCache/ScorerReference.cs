using MoA.Engine.Tests.Kernels;

namespace MoA.Engine.Tests.KvCache;

/// <summary>
/// What rows are worth, by each method's published rule written down one to one in double precision, over lists of positions. A score is an array
/// for each KV head, an entry for each position that it holds.
/// </summary>
internal sealed class ScorerReference(HeadRows rows, double[][] unturned)
{
    private readonly Dictionary<(int Head, int Query), Dictionary<int, double>> _attention = [];

    /// <summary>KeyDiff: <c>anchor = normalize(keys).mean(); score = -cosine(keys, anchor)</c>.</summary>
    public double[] KeyDifference(int head, List<int> held)
    {
        double[] anchor = new double[rows.HeadSize];
        foreach (double[] key in held.Select(position => Key(position, head)))
        {
            for (int d = 0; d < anchor.Length; d++)
                anchor[d] += key[d] / Length(key) / held.Count;
        }

        return [.. held.Select(position => Key(position, head)).Select(key => -Dot(key, anchor) / (Length(key) * Length(anchor)))];
    }

    /// <summary>SnapKV: softmax rows of the last queries, added up over the queries and the group, the largest of <paramref name="kernel"/> neighbours.</summary>
    public double[] Votes(int head, List<int> held, int window, int kernel)
    {
        int last = held[^1];
        double[] votes = new double[held.Count - window];
        foreach (int query in Enumerable.Range(last - window + 1, window))
        {
            foreach (int queryHead in Group(head))
            {
                double[] weights = Softmax(held.Where(key => key <= query).Select(key => Dot(Query(query, queryHead), Key(key, head)) / Math.Sqrt(rows.HeadSize)));
                for (int i = 0; i < votes.Length; i++)
                    votes[i] += weights[i];
            }
        }

        IEnumerable<double> pooled = Enumerable.Range(0, votes.Length)
            .Select(i => Enumerable.Range(i - kernel / 2, kernel).Where(j => j >= 0 && j < votes.Length).Max(j => votes[j]));
        return [.. pooled, .. Enumerable.Repeat(double.MaxValue, window)];
    }

    /// <summary>H2O: the attention that a key got from all queries up to the last one, each over what it saw; of a group the sum.</summary>
    public double Received(int head, int key, Func<int, IEnumerable<int>> seen, int last)
    {
        double sum = 0;
        for (int query = key; query <= last; query++)
        {
            if (!_attention.TryGetValue((head, query), out Dictionary<int, double>? got))
            {
                int[] keys = [.. seen(query)];
                got = keys.ToDictionary(position => position, _ => 0.0);
                foreach (int queryHead in Group(head))
                {
                    double[] weights = Softmax(keys.Select(position => Dot(Query(query, queryHead), Key(position, head)) / Math.Sqrt(rows.HeadSize)));
                    for (int i = 0; i < keys.Length; i++)
                        got[keys[i]] += weights[i];
                }

                _attention.Add((head, query), got);
            }

            sum += got.GetValueOrDefault(key);
        }

        return sum;
    }

    /// <summary>TOVA: the last query's attention, the mean over all heads of the layer.</summary>
    public double[] LastAttention(List<int> held)
    {
        double[] sums = new double[held.Count];
        for (int head = 0; head < rows.QueryHeads; head++)
        {
            double[] weights = Softmax(held.Select(key => Dot(Query(held[^1], head), Key(key, head / rows.Group)) / Math.Sqrt(rows.HeadSize)));
            for (int i = 0; i < sums.Length; i++)
                sums[i] += weights[i] / rows.QueryHeads;
        }

        return sums;
    }

    /// <summary>
    /// KVzip: for the keys of a part, the largest weight over the group and the repeating queries of a softmax over the first tokens, the part, and what was
    /// repeated up to the query.
    /// </summary>
    public double[] Repeated(int head, List<int> held, int start, int tokens, int sink, int first, int count)
    {
        int[] seen = [.. held.Where(position => position < sink), .. held.Where(position => position >= start && position < start + tokens)];
        int sinks = seen.Length - held.Count(position => position >= start && position < start + tokens);
        double[] most = new double[seen.Length - sinks];
        foreach (int queryHead in Group(head))
        {
            for (int query = first; query < first + count; query++)
            {
                double[] weights = Softmax(seen.Concat(Enumerable.Range(first, query - first + 1))
                    .Select(key => Dot(Query(query, queryHead), Key(key, head)) / Math.Sqrt(rows.HeadSize)));
                for (int i = 0; i < most.Length; i++)
                    most[i] = Math.Max(most[i], weights[sinks + i]);
            }
        }

        return most;
    }

    /// <summary>
    /// Expected Attention: mean and covariance of the prompt's queries before RoPE, but for the first four tokens; R the mean of the rotation matrices of
    /// the next positions; softmax of kᵀRμ/√d + kᵀRΣRᵀk/2d over the keys behind the first four, the mean of the group, plus ε, times ‖v‖.
    /// </summary>
    public double[] Expected(int head, List<int> held, int promptStart, int future, double epsilon, double theta, bool covariance = true) =>
        Expected(head, held, Enumerable.Range(promptStart, held[^1] + 1 - promptStart), future, epsilon, theta, covariance);

    /// <inheritdoc cref="Expected(int, List{int}, int, int, double, double, bool)"/>
    public double[] Expected(int head, List<int> held, IEnumerable<int> prompts, int future, double epsilon, double theta, bool covariance = true)
    {
        int size = rows.HeadSize, length = held[^1] + 1, half = size / 2;
        int[] queries = [.. prompts.Where(position => position >= 4)];
        double[,] rotation = new double[size, size];
        for (int p = length; p < length + future; p++)
        {
            for (int f = 0; f < half; f++)
            {
                (double sine, double cosine) = Math.SinCos(p * Math.Pow(theta, -2.0 * f / size));
                rotation[f, f] += cosine / future;
                rotation[half + f, half + f] += cosine / future;
                rotation[half + f, f] += sine / future;
                rotation[f, half + f] -= sine / future;
            }
        }

        int[] keys = [.. held.Where(position => position >= 4)];
        double[] scores = new double[keys.Length];
        foreach (int queryHead in Group(head))
        {
            double[][] q = [.. queries.Select(position => unturned[position * rows.QueryHeads + queryHead])];
            double[] mean = [.. Enumerable.Range(0, size).Select(d => q.Average(x => x[d]))];
            double[,] spread = new double[size, size];
            for (int i = 0; i < size; i++)
            {
                for (int j = 0; j < size; j++)
                    spread[i, j] = q.Average(x => (x[i] - mean[i]) * (x[j] - mean[j]));
            }

            double[] turned = Times(rotation, mean);
            double[] attention = Softmax(keys.Select(position =>
            {
                double[] key = Key(position, head), back = Times(Transposed(rotation), key); // kᵀRΣRᵀk = (Rᵀk)ᵀΣ(Rᵀk)
                return Dot(key, turned) / Math.Sqrt(size) + Dot(back, Times(spread, back)) / size / 2 * (covariance ? 1 : 0);
            }));
            for (int i = 0; i < scores.Length; i++)
                scores[i] += attention[i] / rows.Group;
        }

        return
        [
            .. Enumerable.Repeat(double.MaxValue, held.Count - keys.Length),
            .. keys.Select((position, i) => (scores[i] + epsilon) * Length(Part(rows.Values, position * rows.KeyValueHeads + head))),
        ];
    }

    /// <summary>The best positions of a head.</summary>
    public static List<int> Top(List<int> held, double[] scores, int count) =>
        [.. Enumerable.Range(0, held.Count).OrderByDescending(i => scores[i]).Take(count).Order().Select(i => held[i])];

    /// <summary>
    /// AdaKV (kvpress): the top floor·kept of each head are given the largest score; then the heads·(T − kept) lowest of all heads go, of equal ones the
    /// last.
    /// </summary>
    public static void Share(List<int>[] held, double[][] scores, int kept, double floor)
    {
        for (int head = 0; head < held.Length; head++)
        {
            foreach (int i in Enumerable.Range(0, held[head].Count).OrderByDescending(i => scores[head][i]).Take((int)(kept * floor)).ToArray())
                scores[head][i] = double.MaxValue;
        }

        (int Head, int Position)[] pruned =
        [
            .. held.SelectMany((positions, head) => positions.Select((position, i) => (Head: head, Position: position, Score: scores[head][i])))
                .OrderBy(entry => entry.Score).ThenByDescending(entry => entry.Head).ThenByDescending(entry => entry.Position).Take(held.Sum(positions => positions.Count) - kept * held.Length).Select(entry => (entry.Head, entry.Position)),
        ];
        foreach ((int head, int position) in pruned)
            held[head].Remove(position);
    }

    private IEnumerable<int> Group(int head) => Enumerable.Range(head * rows.Group, rows.Group);

    private double[] Key(int position, int head) => Part(rows.Keys, position * rows.KeyValueHeads + head);

    private double[] Query(int position, int head) => Part(rows.Queries, position * rows.QueryHeads + head);

    private double[] Part(float[] numbers, int index) => [.. numbers.Skip(index * rows.HeadSize).Take(rows.HeadSize).Select(x => (double)x)];

    private static double[] Softmax(IEnumerable<double> logits)
    {
        double[] all = [.. logits];
        double most = all.Max(), sum = all.Sum(x => Math.Exp(x - most));
        return [.. all.Select(x => Math.Exp(x - most) / sum)];
    }

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static double Length(double[] x) => Math.Sqrt(Dot(x, x));

    private static double[] Times(double[,] matrix, double[] x) =>
        [.. Enumerable.Range(0, x.Length).Select(i => Enumerable.Range(0, x.Length).Sum(j => matrix[i, j] * x[j]))];

    private static double[,] Transposed(double[,] matrix)
    {
        double[,] turned = new double[matrix.GetLength(1), matrix.GetLength(0)];
        for (int i = 0; i < turned.GetLength(0); i++)
        {
            for (int j = 0; j < turned.GetLength(1); j++)
                turned[i, j] = matrix[j, i];
        }

        return turned;
    }
}
