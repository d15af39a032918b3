using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
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

    /// <param name="model">The model.</param>
    /// <param name="item">The item.</param>
    /// <param name="spans">What a layer's query head sees besides the first block; null for everything.</param>
    /// <param name="kept">What a layer's and query head's numerators of the softmax at a query and a key are multiplied by; then only the loss is made.</param>
    public ModelReference(
        LoadedModel model, ProfileItem item, Func<int, int, Func<int, int, double>?>? kept = null,
        Func<int, int, (int Block, int Ring)?>? spans = null)
    {
        _config = model.Config;
        _weights = model.Weights;
        double[][] embedding = Read(_weights.Embedding);
        double[][] hidden = [.. item.Tokens.Take(item.Length).Select(token => embedding[token].Select(x => x * _config.EmbeddingScale).ToArray())];
        List<Layer> layers = [];
        for (int i = 0; i < _config.Layers; i++)
        {
            int index = i;
            layers.Add(new Layer(_config, _config.LayerDescriptions[i], _weights.Layers[i], hidden, head => kept?.Invoke(index, head), head => spans?.Invoke(index, head)));
            hidden = layers[^1].Output;
        }

        double[][] gradient = LossGradient(item, hidden);
        for (int i = _config.Layers - 1; i >= 0 && kept is null; i--)
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
            double[] scaled = [.. head.Select(row => AttentionReference.Dot(row, normed) * _config.LogitScale)];
            double[] logits = [.. scaled.Select(logit => _config.LogitSoftCap is double cap ? cap * Math.Tanh(logit / cap) : logit)];
            double largest = logits.Max(), sum = logits.Sum(logit => Math.Exp(logit - largest));
            int target = item.Tokens[t + 1];
            Loss -= (logits[target] - largest - Math.Log(sum)) / count;
            double[] logitGradient = [.. logits.Select(
                (logit, v) => (Math.Exp(logit - largest) / sum - (v == target ? 1 : 0)) / count * _config.LogitScale
                    * (_config.LogitSoftCap is double cap ? 1 - Math.Pow(logit / cap, 2) : 1))];
            gradient[t] = NormGradient(hidden[t], norm, _config.RmsNormEpsilon, TimesStored(logitGradient, head));
        }

        return gradient;
    }

    private static unsafe double[][] Read(WeightTensor weight)
    {
        double[][] rows = AttentionReference.Matrix(weight.Rows, weight.Columns);
        int size = weight.Type.BytesPerBlock();
        float[] line = new float[weight.Columns];
        byte[] room = new byte[Math.Max(1, weight.RoomBytes(weight.Columns))];
        fixed (float* numbers = line)
        fixed (byte* packed = room)
        {
            for (int i = 0; i < weight.Rows; i++)
            {
                byte* row = weight.Blocks(i, 0, weight.Columns, packed);
                Quantization.Dequantize(weight.Type, row, numbers, weight.Columns);
                for (int j = 0; j < weight.Columns; j++)
                {
                    byte* at = row + (long)j * size;
                    rows[i][j] = weight.Type switch
                    {
                        ElementType.F32 => *(float*)at,
                        ElementType.BF16 => BitConverter.UInt32BitsToSingle((uint)*(ushort*)at << 16),
                        ElementType.F16 => (double)*(Half*)at,
                        _ => line[j],
                    };
                }
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

    private static double[][] Project(double[][] x, WeightTensor weight, WeightTensor? bias)
    {
        double[][] w = Read(weight);
        double[] b = bias is null ? new double[weight.Rows] : Read(bias)[0];
        return [.. x.Select(row => w.Select((column, o) => AttentionReference.Dot(row, column) + b[o]).ToArray())];
    }

    /// <summary>y = norm(x) by rows, or x where there is no norm.</summary>
    private sealed class Normed(double[][] x, WeightTensor? weight, double epsilon)
    {
        private readonly double[]? _weight = weight is null ? null : Read(weight)[0];

        public double[][] Output => _weight is null ? x : [.. x.Select(row => Norm(row, _weight, epsilon))];

        public double[][] Backward(double[][] gradient) =>
            _weight is null ? gradient : [.. gradient.Select((row, i) => NormGradient(x[i], _weight, epsilon, row))];
    }

    /// <summary>down·(activation(gate·x)·(up·x)) by rows.</summary>
    private sealed class Network(double[][] x, FeedForwardWeights weights, Activation activation)
    {
        private readonly double[][] _gate = Project(x, weights.Gate, weights.GateBias);
        private readonly double[][] _up = Project(x, weights.Up, weights.UpBias);

        public double[][] Output => Project(
            [.. _gate.Zip(_up, (g, u) => g.Zip(u, (z, v) => Value(z, v)).ToArray())], weights.Down, weights.DownBias);

        public double[][] Backward(double[][] gradient)
        {
            double[][] down = Read(weights.Down), gate = Read(weights.Gate), up = Read(weights.Up);
            return [.. gradient.Select((row, i) =>
            {
                double[] d = TimesStored(row, down);
                double[] dGate = [.. d.Select((v, f) => v * Slope(_gate[i][f], z => Value(z, _up[i][f])))];
                double[] dUp = [.. d.Select((v, f) => v * Slope(_up[i][f], u => Value(_gate[i][f], u)))];
                return Add(TimesStored(dGate, gate), TimesStored(dUp, up));
            })];
        }

        private double Value(double z, double u) => activation switch
        {
            Activation.Silu => z * Sigmoid(z) * u,
            Activation.GeluTanh => z / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (z + 0.044715 * z * z * z))) * u,
            _ => Math.Min(z, 7) * Sigmoid(1.702 * Math.Min(z, 7)) * (Math.Clamp(u, -7, 7) + 1),
        };

        // By a complex step's poor cousin: a difference of fourth order, exact to 1e-11 here.
        private static double Slope(double at, Func<double, double> value)
        {
            const double Step = 1e-3;
            return (8 * (value(at + Step) - value(at - Step)) - (value(at + 2 * Step) - value(at - 2 * Step))) / (12 * Step);
        }
    }

    /// <summary>Networks among which each row chooses; the choice is held fixed, its weights are not.</summary>
    private sealed class Choice
    {
        private readonly ExpertDescription _description;
        private readonly LayerWeights _weights;
        private readonly double[][] _shares;
        private readonly int[][] _chosen;
        private readonly double[][] _chosenWeights;
        private readonly Network[] _networks;

        public Choice(double[][] x, LayerWeights weights, ExpertDescription description, Activation activation)
        {
            _description = description;
            _weights = weights;
            double[][] scores = Project(x, weights.Router!, weights.RouterBias);
            _shares = [.. scores.Select(row => row.Select(score => Math.Exp(score - row.Max())).ToArray())];
            _shares = [.. _shares.Select(row => row.Select(share => share / row.Sum()).ToArray())];
            _chosen = [.. scores.Select(row => Enumerable.Range(0, row.Length).OrderByDescending(e => row[e]).Take(description.Used).ToArray())];
            _chosenWeights = [.. _chosen.Select((chosen, i) => chosen.Select(
                e => _shares[i][e] / (description.IsNormalized ? chosen.Sum(other => _shares[i][other]) : 1)).ToArray())];
            _networks = [.. weights.FeedForward.Select(network => new Network(x, network, activation))];
            Outputs = [.. _networks.Select(network => network.Output)];
            Output = [.. x.Select((_, i) => _chosen[i].Select((e, k) => Outputs[e][i].Select(v => _chosenWeights[i][k] * v).ToArray()).Aggregate(Add))];
        }

        public double[][] Output { get; }

        private double[][][] Outputs { get; }

        public double[][] Backward(double[][] gradient)
        {
            double[][] scores = AttentionReference.Matrix(gradient.Length, _networks.Length), router = Read(_weights.Router!);
            double[][][] weighted = [.. _networks.Select(_ => AttentionReference.Matrix(gradient.Length, gradient[0].Length))];
            for (int i = 0; i < gradient.Length; i++)
            {
                double[] slopes = [.. _chosen[i].Select(e => AttentionReference.Dot(gradient[i], Outputs[e][i]))];
                double mean = AttentionReference.Dot(slopes, _chosenWeights[i]);
                for (int e = 0; e < _networks.Length; e++)
                {
                    int k = Array.IndexOf(_chosen[i], e);
                    double weight = k < 0 ? 0 : _chosenWeights[i][k];
                    // Without normalisation the softmax is over all experts, also those that are not chosen.
                    scores[i][e] = weight * (k < 0 ? 0 : slopes[k]) - (_description.IsNormalized ? weight : _shares[i][e]) * mean;
                    for (int d = 0; d < gradient[i].Length; d++)
                        weighted[e][i][d] = weight * gradient[i][d];
                }
            }

            double[][] result = [.. scores.Select(row => TimesStored(row, router))];
            for (int e = 0; e < _networks.Length; e++)
                result = [.. result.Zip(_networks[e].Backward(weighted[e]), Add)];
            return result;
        }
    }

    /// <summary>One layer with everything that its forward pass computed.</summary>
    private sealed class Layer
    {
        private readonly ModelConfig _config;
        private readonly LayerDescription _description;
        private readonly LayerWeights _weights;
        private readonly int _rows;
        private readonly Normed _input, _attentionOutput, _middle, _output;
        private readonly Normed[] _queries, _keys;
        private readonly Network? _network;
        private readonly Choice? _choice;

        public Layer(
            ModelConfig config, LayerDescription description, LayerWeights weights, double[][] input, Func<int, Func<int, int, double>?> kept,
            Func<int, (int Block, int Ring)?> span)
        {
            _config = config;
            _description = description;
            _weights = weights;
            _rows = input.Length;
            double epsilon = config.RmsNormEpsilon;
            _input = new Normed(input, weights.AttentionNorm, epsilon);
            double[][] normed = _input.Output;
            _queries = NormHeads(Project(normed, weights.Query, weights.QueryBias), weights.QueryNorm);
            _keys = NormHeads(Project(normed, weights.Key, weights.KeyBias), weights.KeyNorm);
            double[][] queries = Join(_queries), keys = Join(_keys), values = Project(normed, weights.Value, weights.ValueBias);
            double[]? sinks = weights.Sinks is null ? null : Read(weights.Sinks)[0];
            AttentionTraits traits = new()
            {
                Scale = (float)(description.AttentionScale ?? 0),
                SoftCap = (float)(description.AttentionSoftCap ?? 0),
            };
            Heads = [.. Enumerable.Range(0, config.QueryHeads).Select(head => new AttentionReference(
                Turned(queries, head), Turned(keys, head / config.QueriesPerKeyValueHead),
                [.. values.Select(row => Slice(row, head / config.QueriesPerKeyValueHead))],
                description.Window ?? int.MaxValue, traits, sinks?[head], kept(head), span(head)))];
            double[][] attended = [.. input.Select((_, i) => Heads.SelectMany(head => head.Outputs[i]).ToArray())];
            _attentionOutput = new Normed(Project(attended, weights.Output, weights.OutputBias), weights.AttentionOutputNorm, epsilon);
            double[][] middle = Sum(_attentionOutput.Output, input);
            _middle = new Normed(middle, weights.FeedForwardNorm, epsilon);
            if (description.FeedForward.Experts is { } experts)
                _choice = new Choice(_middle.Output, weights, experts, description.FeedForward.Activation);
            else
                _network = new Network(_middle.Output, weights.FeedForward[0], description.FeedForward.Activation);
            _output = new Normed(_choice?.Output ?? _network!.Output, weights.FeedForwardOutputNorm, epsilon);
            Output = Sum(_output.Output, middle);
        }

        public double[][] Output { get; }

        public AttentionReference[] Heads { get; }

        public double[][] Backward(double[][] gradient)
        {
            double[][] branch = _output.Backward(Scaled(gradient));
            double[][] middle = [.. _middle.Backward(_choice?.Backward(branch) ?? _network!.Backward(branch)).Zip(gradient, Add)];
            double[][] output = Read(_weights.Output);
            double[][] attended = [.. _attentionOutput.Backward(Scaled(middle)).Select(row => TimesStored(row, output))];
            double[][] queries = AttentionReference.Matrix(_rows, _config.QueryHeads * _config.HeadSize);
            double[][] keys = AttentionReference.Matrix(_rows, _config.KeyValueHeads * _config.HeadSize);
            double[][] values = AttentionReference.Matrix(_rows, _config.KeyValueHeads * _config.HeadSize);
            for (int head = 0; head < Heads.Length; head++)
            {
                int keyValueHead = head / _config.QueriesPerKeyValueHead;
                Heads[head].Backward([.. attended.Select(row => Slice(row, head))]);
                AddTo(queries, head, TurnedBack(Heads[head].QueryGradient));
                AddTo(keys, keyValueHead, TurnedBack(Heads[head].KeyGradient));
                AddTo(values, keyValueHead, Heads[head].ValueGradient);
            }

            queries = NormHeadsGradient(_queries, queries);
            keys = NormHeadsGradient(_keys, keys);
            double[][] wq = Read(_weights.Query), wk = Read(_weights.Key), wv = Read(_weights.Value);
            return [.. _input.Backward([.. queries.Select((_, i) => Add(
                TimesStored(queries[i], wq), Add(TimesStored(keys[i], wk), TimesStored(values[i], wv))))]).Zip(middle, Add)];
        }

        private double[][] Scaled(double[][] rows) => [.. rows.Select(row => row.Select(x => x * _description.ResidualScale).ToArray())];

        private double[][] Sum(double[][] branch, double[][] stream) => [.. Scaled(branch).Zip(stream, Add)];

        // Norms over as many components as the weight has: those of a head, or all.
        private Normed[] NormHeads(double[][] raw, WeightTensor? norm)
        {
            int width = norm?.Columns ?? raw[0].Length;
            return [.. Enumerable.Range(0, raw[0].Length / width).Select(part => new Normed(
                [.. raw.Select(row => row[(part * width)..((part + 1) * width)])], norm, _config.RmsNormEpsilon))];
        }

        private static double[][] NormHeadsGradient(Normed[] parts, double[][] gradient)
        {
            int width = gradient[0].Length / parts.Length;
            return Concat([.. parts.Select((part, p) => part.Backward([.. gradient.Select(row => row[(p * width)..((p + 1) * width)])]))]);
        }

        private static double[][] Join(Normed[] parts) => Concat([.. parts.Select(part => part.Output)]);

        private static double[][] Concat(double[][][] parts) => [.. parts[0].Select((_, i) => parts.SelectMany(part => part[i]).ToArray())];

        private double[] Slice(double[] row, int head) =>
            row.AsSpan(head * _config.HeadSize, _config.HeadSize).ToArray();

        private double[][] Turned(double[][] rows, int head) => [.. rows.Select((row, position) => Turn(Slice(row, head), position))];

        private double[][] TurnedBack(double[][] rows) => [.. rows.Select((row, position) => Turn(row, -position))];

        private double[] Turn(double[] x, int position)
        {
            if (_description.Rope is not { } rope)
                return x;
            double[] y = [.. x];
            int half = _config.RotaryDimensions / 2;
            double[] frequencies = new double[half];
            rope.Scaling.Frequencies(rope.Theta, _rows, frequencies);
            for (int f = 0; f < half; f++)
            {
                (double sine, double cosine) = Math.SinCos(position * frequencies[f]);
                y[f] = rope.Scaling.AttentionFactor * (x[f] * cosine - x[f + half] * sine);
                y[f + half] = rope.Scaling.AttentionFactor * (x[f] * sine + x[f + half] * cosine);
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
