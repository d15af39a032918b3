using System.Diagnostics;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Energy;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;

namespace MoA.Gpu.Benchmarks.Parts;

/// <summary>Decode steps of many sequences at contexts of random rows, tokens drawn on the device as in a generation.</summary>
internal sealed class StepClock(LanguageModel model, GpuBackend backend, int steps)
{
    private const int WarmUpSteps = 3;
    private const double MeteredSeconds = 1.2;

    private readonly ForwardBatch _batch = model.Transformer.CreateBatch();

    /// <summary>As many sequences as fit into some of the device's memory, and into a pass.</summary>
    public int LargestBatch(AttentionPolicy policy, int capacity, long memoryLimit, int most)
    {
        long each = SequenceCache.EstimateBytes(model.Config, policy, capacity, ElementType.BF16);
        long room = Math.Min(memoryLimit - backend.AllocatedBytes, backend.Gauge.FreeBytes);
        return (int)Math.Min(Math.Min(most, model.Transformer.MaxRows), Math.Max(0, room) / each);
    }

    /// <summary>Measures.</summary>
    /// <param name="policy">Which rows stay.</param>
    /// <param name="capacity">Tokens that the caches are made for.</param>
    /// <param name="contexts">Tokens that they hold.</param>
    /// <param name="batch">Sequences.</param>
    /// <param name="meter">Counts joules at the context in the middle; null where nothing does.</param>
    public StepTimes Measure(AttentionPolicy policy, int capacity, IReadOnlyList<int> contexts, int batch, EnergyMeter? meter = null)
    {
        List<double> seconds = [], host = [];
        double? joules = null;
        double bytes = 0;
        long kept = 0;
        backend.Gauge.ResetPeak();
        foreach (int context in contexts)
        {
            List<SequenceCache> sequences = [];
            try
            {
                for (int i = 0; i < batch; i++)
                {
                    sequences.Add(model.Transformer.CreateSequence(policy, capacity));
                    sequences[i].FillRandom(context, (ulong)i);
                }

                kept = sequences.Sum(sequence => sequence.Bytes);
                for (int i = 0; i < Math.Min(WarmUpSteps, steps); i++)
                    _ = Step(sequences);
                (double Host, double Total)[] times = [.. Enumerable.Range(0, steps).Select(_ => Step(sequences))];
                seconds.Add(Median(times.Select(time => time.Total)));
                host.Add(Median(times.Select(time => time.Host)));
                bytes += (StepBytes(batch) + sequences.Sum(sequence => (double)sequence.RowsAttended() * sequence.BytesPerRow)) / contexts.Count;
                if (meter is not null && contexts.Count > 0 && context == contexts[contexts.Count / 2])
                    joules = Joules(meter, sequences, capacity - context - steps - WarmUpSteps);
            }
            finally
            {
                foreach (SequenceCache sequence in sequences)
                    sequence.Dispose();
            }
        }

        return new StepTimes(batch, seconds, Mean(seconds), Mean(host), bytes, kept, backend.PeakBytes, joules);
    }

    /// <summary>Seconds of a pass over one sequence that begins on an idle device: until it is launched, and until it is done.</summary>
    public (double Launched, double Done) Pass(AttentionPolicy policy, int capacity, int context)
    {
        const int Passes = 9;
        using SequenceCache sequence = model.Transformer.CreateSequence(policy, capacity);
        sequence.FillRandom(context, 1);
        SequenceCache[] one = [sequence];
        _ = Step(one);
        double[] launched = new double[Passes], done = new double[Passes];
        for (int i = 0; i < Passes; i++)
        {
            backend.Session.Accelerator.Synchronize();
            long start = Stopwatch.GetTimestamp();
            Forward(one);
            launched[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            backend.Session.Accelerator.Synchronize();
            done[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        return (Median(launched), Median(done));
    }

    // As many steps as the counter needs; joules of a token.
    private double? Joules(EnergyMeter meter, List<SequenceCache> sequences, int most)
    {
        try
        {
            double before = meter.Joules();
            long start = Stopwatch.GetTimestamp();
            int done = 0;
            for (; done < most && Stopwatch.GetElapsedTime(start).TotalSeconds < MeteredSeconds; done++)
                _ = Step(sequences);
            return Stopwatch.GetElapsedTime(start) >= meter.ShortestSpan ? (meter.Joules() - before) / done / sequences.Count : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private (double Host, double Total) Step(IReadOnlyList<SequenceCache> sequences)
    {
        Span<int> tokens = stackalloc int[Transformer.MaxLogitRows], rows = stackalloc int[Transformer.MaxLogitRows];
        Span<TokenDraw> draws = stackalloc TokenDraw[Transformer.MaxLogitRows];
        draws.Clear();
        long start = Stopwatch.GetTimestamp();
        Forward(sequences);
        double host = Stopwatch.GetElapsedTime(start).TotalSeconds;
        for (int first = 0; first < sequences.Count; first += rows.Length)
        {
            int count = Math.Min(rows.Length, sequences.Count - first);
            for (int i = 0; i < count; i++)
                rows[i] = first + i;
            model.Transformer.Draw(_batch, rows[..count], draws[..count], tokens);
        }

        return (host, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    private void Forward(IReadOnlyList<SequenceCache> sequences)
    {
        Span<int> token = stackalloc int[1];
        _batch.Clear();
        for (int i = 0; i < sequences.Count; i++)
        {
            token[0] = (7919 * (i + sequences[i].Length) + 1) % model.Config.VocabularySize;
            _ = _batch.Add(sequences[i], token, AttentionMode.Decode);
        }

        model.Transformer.Forward(_batch);
    }

    // Of an embedding that is not the head too, a step reads single rows only.
    private double StepBytes(int batch)
    {
        ModelWeights weights = model.Loaded.Weights;
        return ReferenceEquals(weights.Head, weights.Embedding)
            ? weights.Bytes
            : weights.Bytes - weights.Embedding.Bytes + (double)batch * weights.Embedding.BytesPerRow;
    }

    // Of a line through the first, the middle and the last context, whatever they are.
    private static double Mean(List<double> values) => values.Count == 3 ? (values[0] + 2 * values[1] + values[2]) / 4 : values.Average();

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
