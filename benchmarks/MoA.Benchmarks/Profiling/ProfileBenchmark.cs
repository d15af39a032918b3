using System.Diagnostics;
using MoA.Engine.Attention;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Tokenization;
using MoA.Search.Profiling;

namespace MoA.Benchmarks.Profiling;

/// <summary>
/// Profiles an item of random tokens whose last ones are the answer, and in turn with that runs a dense prefill of the
/// same tokens as the engine runs it: in passes of 512 rows, with BF16 caches, logits of the last token only.
/// </summary>
internal sealed class ProfileBenchmark : IDisposable
{
    private const int WarmUpTokens = 256;

    private readonly LoadedModel _model;
    private readonly ComputeBackend _backend;

    public ProfileBenchmark(string model, int threads)
    {
        _model = ModelFile.Load(model);
        _backend = ComputeBackend.CreateCpu(threads);
    }

    /// <summary>Most memory without a file behind it during a profile, in bytes.</summary>
    public long PeakAnonymousBytes { get; private set; }

    /// <summary>Runs a short item first, so that weights are in memory and code is compiled.</summary>
    public IEnumerable<ProfileRound> Run(int tokens, int answerTokens, int rounds)
    {
        int warm = Math.Min(tokens, WarmUpTokens);
        _ = Prefill(Item(warm, 1));
        _ = Profile(Item(warm, 1));
        PeakAnonymousBytes = 0;
        ProfileItem item = Item(tokens, answerTokens);
        for (int round = 0; round < rounds; round++)
        {
            (double seconds, double cpu) = Profile(item);
            (double prefillSeconds, double prefillCpu) = Prefill(item);
            yield return new ProfileRound(prefillSeconds, prefillCpu, seconds, cpu);
        }
    }

    public void Dispose()
    {
        _backend.Dispose();
        _model.Dispose();
    }

    private (double Seconds, double CpuSeconds) Profile(ProfileItem item)
    {
        using MemoryWatch memory = new();
        (double, double) times = Time(() =>
        {
            using InfluenceProfiler profiler = new(_model, _backend, item.Length);
            _ = profiler.Profile(item);
        });
        PeakAnonymousBytes = Math.Max(PeakAnonymousBytes, memory.PeakBytes);
        return times;
    }

    private (double Seconds, double CpuSeconds) Prefill(ProfileItem item) => Time(() =>
    {
        using Transformer transformer = new(_model, _backend);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), item.Length);
        ForwardBatch batch = transformer.CreateBatch();
        int last = 0;
        for (int start = 0; start < item.Length; start += transformer.MaxRows)
        {
            batch.Clear();
            int count = Math.Min(transformer.MaxRows, item.Length - start);
            last = batch.Add(sequence, item.Tokens.AsSpan(start, count), AttentionMode.Prefill) + count - 1;
            transformer.Forward(batch);
        }

        transformer.Logits(batch, [last], new float[transformer.Config.VocabularySize]);
    });

    private static (double Seconds, double CpuSeconds) Time(Action work)
    {
        using Process process = Process.GetCurrentProcess();
        TimeSpan before = process.TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        work();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        process.Refresh();
        return (seconds, (process.TotalProcessorTime - before).TotalSeconds);
    }

    private ProfileItem Item(int tokens, int answerTokens)
    {
        Random random = new(tokens);
        int[] ids = [.. Enumerable.Range(0, tokens + 1).Select(_ => random.Next(_model.Config.VocabularySize))];
        return new ProfileItem(ids, [new AnswerSpan(tokens + 1 - answerTokens, tokens + 1)], "random tokens");
    }
}
