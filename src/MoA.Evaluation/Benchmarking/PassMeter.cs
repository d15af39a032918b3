using System.Diagnostics;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;

namespace MoA.Evaluation.Benchmarking;

/// <summary>The time of a step's operations, and what each must read and compute, counted from shapes, formats and kept rows.</summary>
internal sealed class PassMeter
{
    private const int Operations = (int)PassOperation.Other + 1;

    private readonly ModelConfig _config;
    private readonly WeightTensor _embedding;
    private readonly double[] _weightBytes = new double[Operations];
    private readonly double[] _weightElements = new double[Operations];
    private readonly List<(PassOperation Operation, ExpertDescription Experts, double Bytes, double Elements)> _experts = [];
    private readonly double[] _bytes = new double[Operations];
    private readonly double[] _flop = new double[Operations];

    public PassMeter(LanguageModel model)
    {
        Clock = new PassClock(model.Transformer);
        _config = model.Config;
        ModelWeights weights = model.Loaded.Weights;
        _embedding = weights.Embedding;
        foreach ((LayerWeights layer, LayerDescription description) in weights.Layers.Zip(_config.LayerDescriptions))
        {
            Count(PassOperation.AttentionNorm, layer.AttentionNorm);
            Count(PassOperation.QueryKeyValue, layer.Query, layer.Key, layer.Value, layer.QueryBias, layer.KeyBias, layer.ValueBias);
            Count(PassOperation.QueryKeyNorm, layer.QueryNorm, layer.KeyNorm);
            Count(PassOperation.Output, layer.Output, layer.OutputBias, layer.AttentionOutputNorm);
            Count(PassOperation.FeedForwardNorm, layer.FeedForwardNorm);
            Count(PassOperation.Router, layer.Router, layer.RouterBias);
            Count(PassOperation.Down, layer.FeedForwardOutputNorm);
            Count(description.FeedForward.Experts, layer.FeedForward);
        }

        Count(PassOperation.FinalNorm, weights.FinalNorm);
        Count(PassOperation.Head, weights.Head);
    }

    public PassClock Clock { get; }

    /// <summary>Counts a pass: the weights are read once, whatever the number of rows.</summary>
    /// <param name="rows">Rows of the pass.</param>
    /// <param name="logitRows">Those whose logits are asked for.</param>
    public void AddPass(int rows, int logitRows)
    {
        _bytes[(int)PassOperation.Embedding] += rows * _embedding.BytesPerRow;
        for (PassOperation operation = 0; operation < PassOperation.Other; operation++)
        {
            bool atEnd = operation is PassOperation.FinalNorm or PassOperation.Head;
            if (atEnd && logitRows == 0)
                continue;
            _bytes[(int)operation] += _weightBytes[(int)operation];
            _flop[(int)operation] += 2 * _weightElements[(int)operation] * (atEnd ? logitRows : rows);
        }

        // What rows share of their experts is not known here: the most that they can read.
        foreach ((PassOperation operation, ExpertDescription experts, double bytes, double elements) in _experts)
        {
            _bytes[(int)operation] += bytes * Math.Min(1, (double)rows * experts.Used / experts.Count);
            _flop[(int)operation] += 2 * elements * rows * experts.Used / experts.Count;
        }
    }

    /// <summary>Counts the attention of a decode step.</summary>
    /// <param name="rows">Rows that the KV heads of all sequences attended to.</param>
    /// <param name="bytesPerRow">Bytes of a row, key and value.</param>
    public void AddDecode(long rows, long bytesPerRow) => AddAttention(rows * bytesPerRow, (double)rows * _config.QueryHeads / _config.KeyValueHeads);

    /// <summary>Counts the reading of a prompt in chunks; before anything is decoded, since policies may keep less from then on.</summary>
    public void AddPrompt(SequenceCache sequence, int length, int chunk)
    {
        int group = _config.QueryHeads / _config.KeyValueHeads;
        for (int start = 0; start < length; start += chunk)
        {
            int rows = Math.Min(chunk, length - start);
            AddPass(rows, start + rows == length ? 1 : 0);
            foreach (LayerSpans spans in sequence.Spans)
            {
                if (sequence.Prefill is not null && spans.SlidingWindow == int.MaxValue)
                    continue; // counted as it was chosen

                // What is kept of earlier chunks is read once for all rows and query heads: its first row sees the most of it.
                double read = 0, pairs = 0;
                for (int head = 0; head < _config.KeyValueHeads; head++)
                    read += Visible(start, spans.VisibleRing.AsSpan(head * group, group).ToArray().Max(), spans) - 1;
                foreach (IGrouping<int, int> heads in spans.VisibleRing.GroupBy(ring => ring))
                {
                    double seen = 0;
                    for (int row = 0; row < rows; row++)
                        seen += Visible(start + row, heads.Key, spans);
                    pairs += seen * heads.Count();
                }

                AddAttention(read * sequence.BytesPerRow, pairs);
            }
        }

        // Keys are gathered for the rows of each query head within a block of 64.
        AddAttention((double)sequence.PairsSeen / ElasticRule.BlockSize * sequence.BytesPerRow, sequence.PairsSeen);
    }

    /// <summary>Means over the steps.</summary>
    /// <param name="bandwidth">What all threads could read meanwhile, bytes a second.</param>
    public PassProfile Summarise(double bandwidth)
    {
        double tick = 1.0 / Stopwatch.Frequency / Clock.Steps;
        List<OperationProfile> operations = [];
        for (PassOperation operation = 0; operation <= PassOperation.Other; operation++)
        {
            OperationTimes times = Clock[operation];
            if (times.Wall == 0 && _bytes[(int)operation] == 0)
                continue;
            double perThread = tick / Clock.Threads;
            operations.Add(new OperationProfile(
                Name(operation), (double)times.Jobs.Jobs / Clock.Steps, times.Wall * tick, times.Jobs.Busy * perThread, times.Jobs.Starting * perThread,
                times.Jobs.Ending * perThread, (times.Wall - times.Jobs.Inside) * tick, _bytes[(int)operation] / Clock.Steps, _flop[(int)operation] / Clock.Steps));
        }

        return new PassProfile { Steps = Clock.Steps, Operations = operations, BandwidthBytesPerSecond = bandwidth };
    }

    private string Name(PassOperation operation) => operation switch
    {
        PassOperation.Embedding => "embedding",
        PassOperation.AttentionNorm => "attention norm",
        PassOperation.QueryKeyValue => "query, key, value",
        PassOperation.QueryKeyNorm => "query and key norms",
        PassOperation.Rope => "rope",
        PassOperation.Selection => "selection",
        PassOperation.Attention => "attention",
        PassOperation.Output => "output",
        PassOperation.FeedForwardNorm => "mlp norm",
        PassOperation.Router => "router",
        PassOperation.GateUp => "gate, up",
        PassOperation.Activation => string.Join(", ", _config.LayerDescriptions.Select(layer => Name(layer.FeedForward.Activation)).Distinct()),
        PassOperation.Down => "down",
        PassOperation.FinalNorm => "final norm",
        PassOperation.Head => "head",
        PassOperation.Draw => "draw",
        _ => "rest",
    };

    private static string Name(Activation activation) => activation switch
    {
        Activation.GeluTanh => "geglu",
        Activation.ClampedSilu => "clamped swiglu",
        _ => "swiglu",
    };

    // Positions that one at this position sees, itself included: the sink, the blocks of its head's ring, within the model's window.
    private static long Visible(int position, int ring, LayerSpans spans)
    {
        int block = spans.Block;
        long first = Math.Max(0, (long)position - spans.SlidingWindow + 1);
        long recent = Math.Max(first, ((long)position / block - ring / block + 1) * block);
        long sinkEnd = Math.Min(block, recent);
        return position + 1 - recent + Math.Max(0, sinkEnd - first);
    }

    // A product of query and key, and one of weight and value, for each pair of a query head and a row.
    private void AddAttention(double bytes, double pairs)
    {
        _bytes[(int)PassOperation.Attention] += bytes;
        _flop[(int)PassOperation.Attention] += 4 * _config.HeadSize * pairs;
    }

    private void Count(ExpertDescription? experts, IReadOnlyList<FeedForwardWeights> networks)
    {
        foreach (FeedForwardWeights network in networks)
        {
            if (experts is null)
            {
                Count(PassOperation.GateUp, network.Gate, network.Up, network.GateBias, network.UpBias);
                Count(PassOperation.Down, network.Down, network.DownBias);
                continue;
            }

            WeightTensor?[] entering = [network.Gate, network.Up, network.GateBias, network.UpBias], leaving = [network.Down, network.DownBias];
            _experts.Add((PassOperation.GateUp, experts, Bytes(entering), Elements(entering)));
            _experts.Add((PassOperation.Down, experts, Bytes(leaving), Elements(leaving)));
        }
    }

    private void Count(PassOperation operation, params ReadOnlySpan<WeightTensor?> weights)
    {
        _weightBytes[(int)operation] += Bytes(weights);
        _weightElements[(int)operation] += Elements(weights);
    }

    private static double Bytes(ReadOnlySpan<WeightTensor?> weights)
    {
        double bytes = 0;
        foreach (WeightTensor? weight in weights)
            bytes += weight?.Bytes ?? 0;
        return bytes;
    }

    // Those of matrices.
    private static double Elements(ReadOnlySpan<WeightTensor?> weights)
    {
        double elements = 0;
        foreach (WeightTensor? weight in weights)
            elements += weight?.Rows > 1 ? (double)weight.Rows * weight.Columns : 0;
        return elements;
    }
}
