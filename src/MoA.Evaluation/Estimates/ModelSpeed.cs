using System.Diagnostics;
using System.Globalization;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;
using MoA.Evaluation.Benchmarking;
using MoA.Search.Profiling;

namespace MoA.Evaluation.Estimates;

/// <summary>
/// How fast a model runs on this machine, from a few short passes: prefill and profiling by the multiplications they take, decoding by
/// what a step costs alone and in a batch, and by the bytes of caches it reads besides.
/// </summary>
internal sealed class ModelSpeed
{
    private const int PromptTokens = 256, ProfiledTokens = 128, CachedTokens = 64, Batch = 8;

    private readonly ModelConfig _config;
    private readonly ElementType _cacheType;
    private readonly double _prefill, _profile; // multiplications in a second
    private readonly double _step, _further; // seconds of a step for one sequence, and for each further one
    private readonly double _bandwidth; // bytes in a second

    private ModelSpeed(LanguageModel model, ElementType cacheType, bool profiles, CancellationToken cancellation)
    {
        _config = model.Config;
        _cacheType = cacheType;
        int prompt = Math.Min(Math.Min(PromptTokens, model.Transformer.MaxRows), _config.MaxPositions);
        double promptSeconds = Time(() => Pass(model, 1, 0, prompt, AttentionMode.Prefill), cancellation);
        _prefill = (Multiplications(new DensePolicy(), prompt) + Head) / promptSeconds;
        int cached = Math.Min(CachedTokens, _config.MaxPositions - 1);
        _step = Time(() => Pass(model, 1, cached, 1, AttentionMode.Decode), cancellation);
        double together = Time(() => Pass(model, Batch, cached, 1, AttentionMode.Decode), cancellation);
        _further = Math.Max(0, together - _step) / (Batch - 1);
        _bandwidth = model.Transformer.Backend.Gauge?.CopyBandwidth() ?? MeasureProcessor(model.Transformer.Backend.Threads);
        string profiling = "";
        if (profiles)
        {
            int profiled = Math.Min(ProfiledTokens, _config.MaxPositions);
            double seconds = TimeProfile(model, profiled, cancellation);
            _profile = ProfileMultiplications(profiled) / seconds;
            profiling = string.Create(CultureInfo.InvariantCulture, $", profiling {profiled / seconds:N0}");
        }

        Basis = string.Create(CultureInfo.InvariantCulture,
            $"speeds measured just now ({model.Transformer.Backend.Description}), tokens per second: prefill {prompt / promptSeconds:N0}, decode " +
            $"{1 / _step:N1} alone and {Batch / together:N1} in a batch of {Batch}{profiling}; longer inputs by their multiplications and bytes, " +
            $"answers as long as they may be, nothing finished yet, the machine left to it");
    }

    private ModelSpeed(LanguageModel model, ElementType cacheType)
    {
        (_config, _cacheType) = (model.Config, cacheType);
        _prefill = _profile = _bandwidth = double.PositiveInfinity;
        Basis = "nothing measured";
    }

    private static double MeasureProcessor(int threads)
    {
        using MemoryBandwidth bandwidth = new(new WorkerPool(threads));
        return bandwidth.Measure();
    }

    /// <summary>What the speeds rest on, in a sentence.</summary>
    public string Basis { get; }

    // Matrices of the layers, of experts those that a token uses; the logits of one token.
    private double Layers => _config.LayerDescriptions.Sum(layer => (double)_config.HiddenSize *
        ((2L * _config.QueryHeads + 2L * _config.KeyValueHeads) * _config.HeadSize
            + 3L * layer.FeedForward.IntermediateSize * (layer.FeedForward.Experts?.Used ?? 1) + (layer.FeedForward.Experts?.Count ?? 0)));

    private double Head => (double)_config.HiddenSize * _config.VocabularySize;

    /// <summary>Measures a model; takes a few seconds, longer for a large model.</summary>
    /// <param name="model">The model; nobody else uses it meanwhile.</param>
    /// <param name="cacheType">Format of the caches.</param>
    /// <param name="profiles">Whether <see cref="Profile"/> will be asked.</param>
    /// <param name="cancellation">Looked at between passes.</param>
    public static ModelSpeed Measure(LanguageModel model, ElementType cacheType, bool profiles = false, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new ModelSpeed(model, cacheType, profiles, cancellation);
    }

    /// <summary>Speeds without end, for estimates of which only the memory is asked: all that takes time takes none.</summary>
    /// <param name="model">The model.</param>
    /// <param name="cacheType">Format of the caches.</param>
    public static ModelSpeed Unmeasured(LanguageModel model, ElementType cacheType)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new ModelSpeed(model, cacheType);
    }

    /// <summary>Seconds to read a prompt.</summary>
    public double Prefill(AttentionPolicy policy, int tokens) => (Multiplications(policy, tokens) + Head) / _prefill;

    /// <summary>Seconds of decode steps that take sequences of a length on together, and of the second reading before the first where there is one.</summary>
    public double Decode(AttentionPolicy policy, int length, int steps, int sequences = 1)
    {
        double rows = policy.Density(_config, length) * _config.Layers * _config.KeyValueHeads * ElasticRule.Dense.Rows(length);
        double bytes = rows * 2 * _cacheType.RowBytes(_config.HeadSize);
        double again = steps > 0 && policy is EvictionPolicy { Scorer.ReadsTwice: true } ? sequences * Prefill(policy, Math.Max(1, length - steps)) : 0;
        return again + steps * (_step + (sequences - 1) * _further + sequences * bytes / _bandwidth);
    }

    /// <summary>Seconds to profile an item.</summary>
    public double Profile(int tokens) => ProfileMultiplications(tokens) / _profile;

    private double Multiplications(AttentionPolicy policy, int tokens)
    {
        // A query sees what was kept of the tokens before it: all of them up to the rows that stay, or where rows are chosen behind the prompt.
        double kept = policy switch
        {
            EvictionPolicy { Chunk: int piece } => policy.Density(_config, tokens) * tokens + piece,
            EvictionPolicy or InfLlmPolicy => tokens,
            _ => policy.Density(_config, tokens) * tokens,
        };
        double rows = Math.Min(tokens, kept);
        return tokens * Layers + Attention(Pairs(rows, tokens));
    }

    // Forward, the layer's forward again, and backward for the inputs alone; attention's backward has five products for two.
    private double ProfileMultiplications(int tokens) => 3.0 * tokens * Layers + 4.5 * Attention(
        _config.LayerDescriptions.Average(layer => Pairs(Math.Min(layer.Window ?? tokens, tokens), tokens)));

    // Of queries and keys, where each query sees up to so many rows.
    private static double Pairs(double rows, int tokens) => rows * tokens - rows * rows / 2;

    private double Attention(double pairs) => 2.0 * _config.Layers * _config.QueryHeads * _config.HeadSize * pairs;

    private void Pass(LanguageModel model, int sequences, int cached, int tokens, AttentionMode mode)
    {
        Transformer transformer = model.Transformer;
        SequenceCache[] caches = new SequenceCache[sequences];
        try
        {
            ForwardBatch batch = transformer.CreateBatch();
            int[] words = new int[tokens], rows = new int[sequences];
            for (int i = 0; i < sequences; i++)
            {
                caches[i] = transformer.CreateSequence(new DensePolicy(), cached + tokens, _cacheType);
                if (cached > 0)
                    caches[i].FillRandom(cached, (ulong)i);
                Benchmarking.PromptTokens.Fill(words, 0, i, cached, _config.VocabularySize);
                rows[i] = batch.Add(caches[i], words, mode) + tokens - 1;
            }

            transformer.Forward(batch);
            transformer.Logits(batch, rows, new float[sequences * _config.VocabularySize]);
        }
        finally
        {
            foreach (SequenceCache? cache in caches)
                cache?.Dispose();
        }
    }

    private static double TimeProfile(LanguageModel model, int tokens, CancellationToken cancellation)
    {
        int[] words = new int[tokens + 1];
        Benchmarking.PromptTokens.Fill(words, 0, 0, 0, model.Config.VocabularySize);
        ProfileItem item = new(words, null, "random tokens");
        using InfluenceProfiler profiler = new(model.Loaded, model.Transformer.Backend, tokens);
        return Time(() => _ = profiler.Profile(item, cancellation), cancellation);
    }

    // The least of some passes: that of a machine left to it. The first compiles code and brings weights into memory; where it takes
    // long it is taken as it is.
    private static double Time(Action pass, CancellationToken cancellation)
    {
        const double Long = 2, Enough = 0.4;
        long start = Stopwatch.GetTimestamp();
        pass();
        double first = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (first >= Long)
            return first;
        double least = first, spent = 0;
        while (spent < Enough)
        {
            cancellation.ThrowIfCancellationRequested();
            start = Stopwatch.GetTimestamp();
            pass();
            double time = Stopwatch.GetElapsedTime(start).TotalSeconds;
            (least, spent) = (Math.Min(least, time), spent + time);
        }

        return least;
    }
}
