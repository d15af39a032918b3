using System.Numerics.Tensors;
using MoA.Engine.Kernels;

namespace MoA.Engine.Tests.Kernels;

/// <summary>Attention by its definition, one pair of positions at a time in double precision.</summary>
internal static class ReferenceAttention
{
    /// <summary>Whether a prompt's query sees a key: causal, within the window, and in the sink block or the band.</summary>
    public static bool SeesInPrefill(int query, int key, int ring, int window = int.MaxValue, int block = 64) =>
        key <= query && (long)query - key < window && (key / block == 0 || key / block >= query / block - ring / block + 1);

    /// <summary>Whether a generated token's query sees a key: causal, within the window, and in the sink or the ring.</summary>
    public static bool SeesInDecode(int query, int key, int ring, int window = int.MaxValue, int block = 64) =>
        key <= query && (long)query - key < window && (key < block || key > query - ring);

    /// <summary>Outputs [positions, queryHeads·size] of all positions from <paramref name="first"/> on.</summary>
    /// <param name="rows">Inputs.</param>
    /// <param name="sees">(queryHead, query, key): whether the key is visible.</param>
    /// <param name="first">First position to compute; the rows before it stay zero.</param>
    /// <param name="errors">Gets how far a kernel may be from each output at worst, if there is room for them.</param>
    /// <param name="roundedFrom">First position whose query and weights a kernel rounds to 16 bits: decoding over Q8_0 rows.</param>
    /// <param name="traits">What becomes of scores.</param>
    public static float[] Run(
        HeadRows rows, Func<int, int, int, bool> sees, int first = 0, double[]? errors = null, int roundedFrom = int.MaxValue,
        AttentionTraits traits = default)
    {
        float[] outputs = new float[rows.Positions * rows.QueryHeads * rows.HeadSize];
        double[] scores = new double[rows.Positions];
        double[] sums = new double[rows.HeadSize];
        double scale = traits.Scale > 0 ? traits.Scale : 1 / Math.Sqrt(rows.HeadSize), cap = traits.SoftCap;
        for (int query = first; query < rows.Positions; query++)
        {
            for (int head = 0; head < rows.QueryHeads; head++)
            {
                int at = (query * rows.QueryHeads + head) * rows.HeadSize;
                ReadOnlySpan<float> q = rows.Queries.AsSpan(at, rows.HeadSize);
                double sink = traits.Sinks?[head] ?? double.NegativeInfinity, largest = sink;
                for (int key = 0; key <= query; key++)
                {
                    double score = Dot(q, Row(rows, rows.Keys, key, head)) * scale;
                    score = cap > 0 ? cap * Math.Tanh(score / cap) : score;
                    scores[key] = sees(head, query, key) ? score : double.NegativeInfinity;
                    largest = Math.Max(largest, scores[key]);
                }

                Array.Clear(sums);
                double total = Math.Exp(sink - largest);
                for (int key = 0; key <= query; key++)
                {
                    if (double.IsNegativeInfinity(scores[key]))
                        continue;
                    double weight = Math.Exp(scores[key] - largest);
                    total += weight;
                    ReadOnlySpan<float> value = Row(rows, rows.Values, key, head);
                    for (int d = 0; d < sums.Length; d++)
                        sums[d] += weight * value[d];
                }

                for (int d = 0; d < sums.Length; d++)
                    outputs[at + d] = (float)(sums[d] / total);
                if (errors is not null)
                    AddErrors(rows, query, head, scores.AsSpan(0, query + 1), scale, sink, query >= roundedFrom, errors.AsSpan(at, rows.HeadSize));
            }
        }

        return outputs;
    }

    // A weight is off by a factor 1 + e, where e comes of its score and of the floats that make and add up weights: outputs,
    // whose sum of weights errs as much, by 2e of the values' magnitudes. A score of d terms errs by d·2^-24 of their
    // magnitudes, and so it does capped, as tanh is no steeper than its argument; a sink errs by few; sums of n weights err by n·2^-24
    // of theirs, and online softmax scales either now and then. Where queries and weights are rounded to integers, scores and values in all n rows err by half a step more.
    private static void AddErrors(
        HeadRows rows, int query, int head, ReadOnlySpan<double> scores, double scale, double sink, bool rounded, Span<double> errors)
    {
        int size = rows.HeadSize;
        ReadOnlySpan<float> q = rows.Queries.AsSpan((query * rows.QueryHeads + head) * size, size);
        double largest = Math.Max(sink, TensorPrimitives.Max(scores)), total = Math.Exp(sink - largest), products = 0, keys = 0, steps = 0;
        int seen = 0;
        for (int key = 0; key <= query; key++)
        {
            if (double.IsNegativeInfinity(scores[key]))
                continue;
            seen++;
            ReadOnlySpan<float> k = Row(rows, rows.Keys, key, head), value = Row(rows, rows.Values, key, head);
            double product = 0;
            for (int d = 0; d < size; d++)
                product += Math.Abs((double)q[d] * k[d]);
            products = Math.Max(products, product * scale);
            keys = Math.Max(keys, TensorPrimitives.SumOfMagnitudes(k) * scale);
            double weight = Math.Exp(scores[key] - largest);
            total += weight;
            steps = Math.Max(steps, weight * Math.Abs(TensorPrimitives.MaxMagnitude(value)));
            for (int d = 0; d < size; d++)
                errors[d] += weight * Math.Abs(value[d]);
        }

        double score = (size + 32) * Rounding.OfFloats * products;
        if (double.IsFinite(sink))
            score += 4 * Rounding.OfFloats * Math.Abs(sink);
        if (rounded)
            score += keys * Rounding.HalfStep * Math.Abs(TensorPrimitives.MaxMagnitude(q)) / short.MaxValue;
        double factor = Math.Exp(score) - 1 + (2 * seen + 64) * Rounding.OfFloats;
        // A group's scale is a binary16 number, so 127 of it may be 2^-11 more than the largest value.
        double values = rounded ? seen * Rounding.HalfStep * steps * (1 + 1.0 / 1024) / ushort.MaxValue : 0;
        for (int d = 0; d < size; d++)
            errors[d] = (2.1 * factor * errors[d] + values) / total;
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
