using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Models;

namespace MoA.Evaluation.Tests.Policies;

/// <summary>A Llama written down plainly, in double precision over arrays: what each layer's heads ask and offer.</summary>
internal sealed class PlainLlama : IDisposable
{
    private readonly SafetensorsFile[] _files;
    private readonly ModelConfig _config;
    private readonly double[] _frequencies;

    public PlainLlama(string folder, ModelConfig config)
    {
        _files = [.. Directory.GetFiles(folder, "model*.safetensors").Select(SafetensorsFile.Open)];
        _config = config;
        _frequencies = Transformer.RopeFrequencies(config, config.LayerDescriptions[0].Rope!);
    }

    /// <summary>Queries and keys before RoPE, [layer][position][heads·size].</summary>
    public (double[][] Queries, double[][] Keys)[] Run(int[] tokens)
    {
        double[][] embedding = Matrix("model.embed_tokens.weight"), hidden = [.. tokens.Select(token => embedding[token])];
        List<(double[][], double[][])> layers = [];
        for (int layer = 0; layer < _config.Layers; layer++)
        {
            string name = $"model.layers.{layer}.";
            double[][] normed = Norm(hidden, name + "input_layernorm.weight");
            double[][] queries = Times(normed, name + "self_attn.q_proj.weight"), keys = Times(normed, name + "self_attn.k_proj.weight");
            double[][] values = Times(normed, name + "self_attn.v_proj.weight");
            layers.Add((queries, keys));
            double[][] attended = [.. queries.Select((query, position) => Enumerable.Range(0, _config.QueryHeads).SelectMany(head =>
            {
                int own = head / _config.QueriesPerKeyValueHead;
                double[] weights = Softmax([.. Enumerable.Range(0, position + 1).Select(key => Logit(Part(query, head), position, Part(keys[key], own), key))]);
                return Enumerable.Range(0, _config.HeadSize).Select(d => weights.Select((weight, key) => weight * Part(values[key], own)[d]).Sum());
            }).ToArray())];
            hidden = Sum(hidden, Times(attended, name + "self_attn.o_proj.weight"));
            normed = Norm(hidden, name + "post_attention_layernorm.weight");
            double[][] gate = Times(normed, name + "mlp.gate_proj.weight"), up = Times(normed, name + "mlp.up_proj.weight");
            double[][] product = [.. gate.Zip(up, (g, u) => g.Zip(u, (x, y) => x / (1 + Math.Exp(-x)) * y).ToArray())];
            hidden = Sum(hidden, Times(product, name + "mlp.down_proj.weight"));
        }

        return [.. layers];
    }

    /// <summary>A head's part of a row.</summary>
    public double[] Part(double[] row, int head) => row[(head * _config.HeadSize)..((head + 1) * _config.HeadSize)];

    /// <summary>The product of a query and a key at their positions, over √d.</summary>
    public double Logit(double[] query, int queryPosition, double[] key, int keyPosition) =>
        Turned(query, queryPosition).Zip(Turned(key, keyPosition), (q, k) => q * k).Sum() / Math.Sqrt(_config.HeadSize);

    public static double[] Softmax(double[] logits)
    {
        double most = logits.Max(), sum = logits.Sum(x => Math.Exp(x - most));
        return [.. logits.Select(x => Math.Exp(x - most) / sum)];
    }

    public void Dispose()
    {
        foreach (SafetensorsFile file in _files)
            file.Dispose();
    }

    private double[] Turned(double[] x, int position)
    {
        int half = _config.HeadSize / 2;
        double[] turned = new double[x.Length];
        for (int f = 0; f < half; f++)
        {
            (double sine, double cosine) = Math.SinCos(position * _frequencies[f]);
            (turned[f], turned[half + f]) = (x[f] * cosine - x[half + f] * sine, x[half + f] * cosine + x[f] * sine);
        }

        return turned;
    }

    private double[][] Matrix(string name)
    {
        SafetensorsFile file = _files.Single(file => file.Contains(name));
        return [.. file.ReadFloats(name).Select(x => (double)x).Chunk((int)file[name].Shape[^1])];
    }

    private double[][] Times(double[][] rows, string name)
    {
        double[][] matrix = Matrix(name);
        return [.. rows.Select(row => matrix.Select(column => column.Zip(row, (a, b) => a * b).Sum()).ToArray())];
    }

    private double[][] Norm(double[][] rows, string name)
    {
        double[] scale = Matrix(name)[0];
        return [.. rows.Select(row =>
        {
            double inverse = 1 / Math.Sqrt(row.Average(x => x * x) + _config.RmsNormEpsilon);
            return row.Zip(scale, (x, w) => x * inverse * w).ToArray();
        })];
    }

    private static double[][] Sum(double[][] a, double[][] b) => [.. a.Zip(b, (x, y) => x.Zip(y, (p, q) => p + q).ToArray())];
}
