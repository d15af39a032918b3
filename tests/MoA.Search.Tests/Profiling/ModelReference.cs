using MoA.Engine.Configuration;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels.Gradients;
using MoA.Search.Profiling;

namespace MoA.Search.Tests.Profiling;

/// <summary>
/// Loss and influence of an item in double, one row and one matrix at a time, straight from docs/method.md: what the
/// profiler must agree with. Slow; for tiny models.
/// </summary>
internal sealed class ModelReference
{
    private readonly ModelConfig _config;
    private readonly ModelWeights _weights;

    public ModelReference(LoadedModel model, ProfileItem item)
    {
        _config = model.Config;
        _weights = model.Weights;
        double[][] embedding = Read(_weights.Embedding);
        double[][] hidden = [.. item.Tokens.Take(item.Length).Select(token => (double[])embedding[token].Clone())];
        List<Layer> layers = [];
        for (int i = 0; i < _config.Layers; i++)
        {
            layers.Add(new Layer(_config, _config.LayerDescriptions[i], _weights.Layers[i], hidden));
            hidden = layers[^1].Output;
        }

        double[][] gradient = LossGradient(item, hidden);
        for (int i = _config.Layers - 1; i >= 0; i--)
            gradient = layers[i].Backward(gradient);
        Heads = [.. layers.Select(layer => layer.Heads)];
    }

    public double Loss { get; private set; }

    /// <summary>[layers][queryHeads].</summary>
    public AttentionReference[][] Heads { get; }

    private double[][] LossGradient(ProfileItem item, double[][] hidden)
    {
        double[][] gradient = AttentionReference.Matrix(hidden.Length, _config.HiddenSize);
        double[] norm = Read(_weights.FinalNorm)[0];
        double[][] head = Read(_weights.Head);
        double count = item.LossPositions.Length;
        foreach (int t in item.LossPositions)
        {
            double[] normed = Norm(hidden[t], norm, _config.RmsNormEpsilon);
            double[] logits = [.. head.Select(row => AttentionReference.Dot(row, normed))];
            double largest = logits.Max(), sum = logits.Sum(logit => Math.Exp(logit - largest));
            int target = item.Tokens[t + 1];
            Loss -= (logits[target] - largest - Math.Log(sum)) / count;
            double[] logitGradient = [.. logits.Select(
                (logit, v) => (Math.Exp(logit - largest) / sum - (v == target ? 1 : 0)) / count)];
            gradient[t] = NormGradient(hidden[t], norm, _config.RmsNormEpsilon, TimesStored(logitGradient, head));
        }

        return gradient;
    }

    private static unsafe double[][] Read(WeightTensor weight)
    {
        double[][] rows = AttentionReference.Matrix(weight.Rows, weight.Columns);
        int size = weight.Type.BytesPerBlock();
        for (int i = 0; i < weight.Rows; i++)
        {
            for (int j = 0; j < weight.Columns; j++)
            {
                byte* at = (byte*)weight.Data + ((long)i * weight.Columns + j) * size;
                rows[i][j] = weight.Type switch
                {
                    ElementType.F32 => *(float*)at,
                    ElementType.BF16 => BitConverter.UInt32BitsToSingle((uint)*(ushort*)at << 16),
                    _ => (double)*(Half*)at,
                };
            }
        }

        return rows;
    }

    private static double[] Norm(double[] x, double[] w, double epsilon)
    {
        double r = 1 / Math.Sqrt(x.Average(v => v * v) + epsilon);
        return [.. x.Zip(w, (v, weight) => v * weight * r)];
    }

    private static double[] NormGradient(double[] x, double[] w, double epsilon, double[] dy)
    {
        double r = 1 / Math.Sqrt(x.Average(v => v * v) + epsilon);
        double[] wdy = [.. w.Zip(dy, (weight, d) => weight * d)];
        double pull = AttentionReference.Dot(x, wdy) * r * r / x.Length;
        return [.. x.Zip(wdy, (v, d) => r * (d - v * pull))];
    }

    // y·W for W [outputs, inputs]: the gradient of x·W'.
    private static double[] TimesStored(double[] y, double[][] w)
    {
        double[] x = new double[w[0].Length];
        for (int o = 0; o < y.Length; o++)
        {
            for (int i = 0; i < x.Length; i++)
                x[i] += y[o] * w[o][i];
        }

        return x;
    }

    private static double[] Add(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    private static double Sigmoid(double z) => 1 / (1 + Math.Exp(-z));

    /// <summary>One layer with everything that its forward pass computed.</summary>
    private sealed class Layer
    {
        private readonly ModelConfig _config;
        private readonly LayerWeights _weights;
        private readonly RopeSettings _rope;
        private readonly double[][] _input;
        private readonly double[][] _middle;
        private readonly double[][] _gate;
        private readonly double[][] _up;

        public Layer(ModelConfig config, LayerDescription description, LayerWeights weights, double[][] input)
        {
            _config = config;
            _weights = weights;
            _rope = description.Rope!;
            int window = description.Window ?? int.MaxValue;
            _input = input;
            double[] norm = Read(weights.AttentionNorm!)[0];
            double[][] normed = [.. input.Select(x => Norm(x, norm, config.RmsNormEpsilon))];
            RawQueries = Project(normed, weights.Query, weights.QueryBias);
            RawKeys = Project(normed, weights.Key, weights.KeyBias);
            double[][] values = Project(normed, weights.Value, weights.ValueBias);
            Heads = [.. Enumerable.Range(0, config.QueryHeads).Select(head => new AttentionReference(
                Turned(RawQueries, head, weights.QueryNorm),
                Turned(RawKeys, head / config.QueriesPerKeyValueHead, weights.KeyNorm),
                [.. values.Select(row => Slice(row, head / config.QueriesPerKeyValueHead))],
                window))];
            double[][] attended = [.. input.Select((_, i) => Heads.SelectMany(head => head.Outputs[i]).ToArray())];
            _middle = [.. Project(attended, weights.Output, weights.OutputBias).Zip(input, Add)];
            double[] postNorm = Read(weights.FeedForwardNorm!)[0];
            double[][] middleNormed = [.. _middle.Select(x => Norm(x, postNorm, config.RmsNormEpsilon))];
            _gate = Project(middleNormed, weights.FeedForward[0].Gate, weights.FeedForward[0].GateBias);
            _up = Project(middleNormed, weights.FeedForward[0].Up, weights.FeedForward[0].UpBias);
            double[][] activated = [.. _gate.Zip(_up, (g, u) => g.Zip(u, (z, v) => z * Sigmoid(z) * v).ToArray())];
            Output = [.. Project(activated, weights.FeedForward[0].Down, weights.FeedForward[0].DownBias).Zip(_middle, Add)];
        }

        public double[][] Output { get; }

        public AttentionReference[] Heads { get; }

        private double[][] RawQueries { get; }

        private double[][] RawKeys { get; }

        public double[][] Backward(double[][] gradient)
        {
            double[][] middle = MlpGradient(gradient);
            double[][] output = Read(_weights.Output);
            double[][] attended = [.. middle.Select(row => TimesStored(row, output))];
            double[][] queries = AttentionReference.Matrix(_input.Length, _config.QueryHeads * _config.HeadSize);
            double[][] keys = AttentionReference.Matrix(_input.Length, _config.KeyValueHeads * _config.HeadSize);
            double[][] values = AttentionReference.Matrix(_input.Length, _config.KeyValueHeads * _config.HeadSize);
            for (int head = 0; head < Heads.Length; head++)
            {
                int keyValueHead = head / _config.QueriesPerKeyValueHead;
                Heads[head].Backward([.. attended.Select(row => Slice(row, head))]);
                AddTo(queries, head, TurnedGradient(RawQueries, head, _weights.QueryNorm, Heads[head].QueryGradient));
                AddTo(keys, keyValueHead, TurnedGradient(RawKeys, keyValueHead, _weights.KeyNorm, Heads[head].KeyGradient));
                AddTo(values, keyValueHead, Heads[head].ValueGradient);
            }

            double[] norm = Read(_weights.AttentionNorm!)[0];
            double[][] wq = Read(_weights.Query), wk = Read(_weights.Key), wv = Read(_weights.Value);
            return [.. _input.Select((x, i) => Add(middle[i], NormGradient(x, norm, _config.RmsNormEpsilon, Add(
                TimesStored(queries[i], wq), Add(TimesStored(keys[i], wk), TimesStored(values[i], wv))))))];
        }

        private double[][] MlpGradient(double[][] gradient)
        {
            double[] norm = Read(_weights.FeedForwardNorm!)[0];
            double[][] down = Read(_weights.FeedForward[0].Down), gate = Read(_weights.FeedForward[0].Gate), up = Read(_weights.FeedForward[0].Up);
            return [.. gradient.Select((row, i) =>
            {
                double[] d = TimesStored(row, down);
                double[] dGate = [.. d.Select((v, f) =>
                {
                    double z = _gate[i][f], s = Sigmoid(z);
                    return v * _up[i][f] * (s + z * s * (1 - s));
                })];
                double[] dUp = [.. d.Select((v, f) => v * _gate[i][f] * Sigmoid(_gate[i][f]))];
                double[] dNormed = Add(TimesStored(dGate, gate), TimesStored(dUp, up));
                return Add(row, NormGradient(_middle[i], norm, _config.RmsNormEpsilon, dNormed));
            })];
        }

        private static double[][] Project(double[][] x, WeightTensor weight, WeightTensor? bias)
        {
            double[][] w = Read(weight);
            double[] b = bias is null ? new double[weight.Rows] : Read(bias)[0];
            return [.. x.Select(row => w.Select((column, o) => AttentionReference.Dot(row, column) + b[o]).ToArray())];
        }

        private double[] Slice(double[] row, int head) =>
            row.AsSpan(head * _config.HeadSize, _config.HeadSize).ToArray();

        private double[][] Turned(double[][] raw, int head, WeightTensor? norm)
        {
            double[]? w = norm is null ? null : Read(norm)[0];
            return [.. raw.Select((row, position) =>
            {
                double[] x = Slice(row, head);
                return Turn(w is null ? x : Norm(x, w, _config.RmsNormEpsilon), position);
            })];
        }

        private double[][] TurnedGradient(double[][] raw, int head, WeightTensor? norm, double[][] gradient)
        {
            double[]? w = norm is null ? null : Read(norm)[0];
            return [.. gradient.Select((row, position) =>
            {
                double[] d = Turn(row, -position);
                return w is null ? d : NormGradient(Slice(raw[position], head), w, _config.RmsNormEpsilon, d);
            })];
        }

        private double[] Turn(double[] x, int position)
        {
            double[] y = [.. x];
            int half = _config.RotaryDimensions / 2;
            double[] frequencies = new double[half];
            _rope.Scaling.Frequencies(_rope.Theta, _input.Length, frequencies);
            for (int f = 0; f < half; f++)
            {
                (double sine, double cosine) = Math.SinCos(position * frequencies[f]);
                y[f] = _rope.Scaling.AttentionFactor * (x[f] * cosine - x[f + half] * sine);
                y[f + half] = _rope.Scaling.AttentionFactor * (x[f] * sine + x[f + half] * cosine);
            }

            return y;
        }

        private void AddTo(double[][] rows, int head, double[][] part)
        {
            for (int i = 0; i < rows.Length; i++)
            {
                for (int d = 0; d < _config.HeadSize; d++)
                    rows[i][head * _config.HeadSize + d] += part[i][d];
            }
        }
    }
}
