using System.Numerics.Tensors;
using MoA.Engine.Configuration;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;

namespace MoA.Engine.Tests.KvCache;

/// <summary>A plain forward pass of a Llama without caches, whose queries see the keys that a test says.</summary>
internal static class ReferenceModel
{
    /// <summary>Logits of all positions: one layer after the other over all of them, since what a layer keeps depends on its own rows alone.</summary>
    /// <param name="config">The model.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="tokens">The text.</param>
    /// <param name="visible">Of a layer's rows, and of its queries before RoPE, an array for each position and query head: whether a query head's query sees a key
    /// before it (head, query, key).</param>
    public static float[] Logits(
        ModelConfig config, ModelWeights weights, int[] tokens, Func<int, HeadRows, double[][], Func<int, int, int, bool>> visible)
    {
        float[][] embedding = Read(weights.Embedding);
        float[][] hidden = [.. tokens.Select(token => (float[])embedding[token].Clone())];
        for (int layer = 0; layer < config.Layers; layer++)
        {
            LayerWeights own = weights.Layers[layer];
            float[][] normed = Norm(hidden, own.AttentionNorm!, config), queries = Times(normed, own.Query);
            double[][] unturned = [.. queries.SelectMany(row => row.Chunk(config.HeadSize)).Select(query => query.Select(x => (double)x).ToArray())];
            HeadRows rows = new(tokens.Length, config.QueryHeads, config.KeyValueHeads, config.HeadSize)
            {
                Queries = Turned(queries, config),
                Keys = Turned(Times(normed, own.Key), config),
                Values = [.. Times(normed, own.Value).SelectMany(row => row)],
            };
            float[] attended = ReferenceAttention.Run(rows, visible(layer, rows, unturned));
            hidden = Sum(hidden, Times([.. attended.Chunk(config.QueryHeads * config.HeadSize)], own.Output));
            normed = Norm(hidden, own.FeedForwardNorm!, config);
            float[][] gate = Times(normed, own.FeedForward[0].Gate), up = Times(normed, own.FeedForward[0].Up);
            float[][] product = [.. gate.Zip(up, (g, u) => g.Zip(u, (x, y) => x / (1 + MathF.Exp(-x)) * y).ToArray())];
            hidden = Sum(hidden, Times(product, own.FeedForward[0].Down));
        }

        return [.. Times(Norm(hidden, weights.FinalNorm, config), weights.Head).SelectMany(row => row)];
    }

    private static float[] Turned(float[][] rows, ModelConfig config)
    {
        double[] frequencies = Transformer.RopeFrequencies(config, config.Rope!);
        int half = config.HeadSize / 2;
        for (int position = 0; position < rows.Length; position++)
        {
            for (int head = 0; head < rows[position].Length; head += config.HeadSize)
            {
                for (int f = 0; f < half; f++)
                {
                    (double sine, double cosine) = Math.SinCos(position * frequencies[f]);
                    (float x, float y) = (rows[position][head + f], rows[position][head + half + f]);
                    rows[position][head + f] = (float)(x * cosine - y * sine);
                    rows[position][head + half + f] = (float)(y * cosine + x * sine);
                }
            }
        }

        return [.. rows.SelectMany(row => row)];
    }

    private static float[][] Norm(float[][] rows, WeightTensor weight, ModelConfig config)
    {
        float[] scale = Read(weight)[0];
        return [.. rows.Select(row =>
        {
            double inverse = 1 / Math.Sqrt(row.Average(x => (double)x * x) + config.RmsNormEpsilon);
            return row.Zip(scale, (x, w) => (float)(x * inverse * w)).ToArray();
        })];
    }

    private static float[][] Sum(float[][] a, float[][] b) => [.. a.Zip(b, (x, y) => x.Zip(y, (p, q) => p + q).ToArray())];

    private static float[][] Times(float[][] rows, WeightTensor weight)
    {
        float[][] matrix = Read(weight);
        return [.. rows.Select(row => matrix.Select(column => TensorPrimitives.Dot(row, column)).ToArray())];
    }

    private static unsafe float[][] Read(WeightTensor weight)
    {
        float[][] rows = [.. Enumerable.Range(0, weight.Rows).Select(_ => new float[weight.Columns])];
        for (int i = 0; i < rows.Length; i++)
        {
            fixed (float* to = rows[i])
                Quantization.Dequantize(weight.Type, (byte*)weight.Row(i), to, weight.Columns);
        }

        return rows;
    }
}
