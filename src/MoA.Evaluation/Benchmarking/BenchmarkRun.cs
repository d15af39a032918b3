using System.Diagnostics;
using MoA.Engine;
using MoA.Engine.Energy;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Parallelism;
using MoA.Search;

namespace MoA.Evaluation.Benchmarking;

/// <summary>
/// Measures prefill and decode of a model: policies × lengths × batches. Policies take turns within each repeat, and the
/// read bandwidth is measured between the turns, so that other work on the machine hits all figures alike.
/// </summary>
internal sealed class BenchmarkRun
{
    private readonly LanguageModel _model;
    private readonly BenchmarkSettings _settings;
    private readonly Action<StepProgress>? _progress;
    private readonly ForwardBatch _batch;
    private readonly Sampler? _sampler;
    private float[] _logits = [];
    private double _drawSeconds;
    private PassClock? _clock;
    private long _tokens, _heldBytes;
    private int _done;

    /// <summary>Prepares a run.</summary>
    /// <param name="model">The model; stays the caller's.</param>
    /// <param name="settings">What to measure.</param>
    /// <param name="progress">Hears of every measurement.</param>
    public BenchmarkRun(LanguageModel model, BenchmarkSettings settings, Action<StepProgress>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(settings);
        _model = model;
        _settings = settings;
        _progress = progress;
        _batch = model.Transformer.CreateBatch();
        _sampler = settings.Sampling is SamplingOptions sampling ? new Sampler(sampling, model.Config.VocabularySize) : null;
    }

    /// <summary>Counts the energy of what the model runs on; null where nothing does. Stays the caller's.</summary>
    public EnergyMeter? Energy { get; init; }

    /// <summary>Measures how many bytes a second a step could read; null measures the device's copying, or the processor's reading.</summary>
    public Func<double>? ReadBandwidth { get; init; }

    /// <summary>Measures every policy at every length, at every batch or at its largest.</summary>
    /// <returns>One row each: by length, then batch, then policy.</returns>
    /// <exception cref="InvalidInputException">A length exceeds the model's context, a batch does not fit a forward pass, or
    /// the memory does not suffice; nothing has been measured then.</exception>
    public IReadOnlyList<BenchmarkRow> Run(IReadOnlyList<BenchmarkPolicy> policies, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policies);
        _heldBytes = (_settings.Room ?? MemoryRoom.Of(_model)).HeldBytes;
        IReadOnlyList<BenchmarkCase[]> groups = BenchmarkCases.Of(_model, _settings, policies);
        Func<double>? given = ReadBandwidth ?? (Gauge is { } gauge ? gauge.CopyBandwidth : null);
        using MemoryBandwidth? processor = given is null ? new MemoryBandwidth(new WorkerPool(_settings.Threads)) : null;
        Func<double> bandwidth = given ?? processor!.Measure;
        List<BenchmarkRow> rows = [];
        foreach (BenchmarkCase[] cases in groups)
            rows.AddRange(MeasureTogether(cases, _settings.Repeats * groups.Sum(group => group.Length), bandwidth, cancellation));
        return rows;
    }

    private DeviceGauge? Gauge => _model.Transformer.Backend.Gauge;

    private bool TryResetPeak()
    {
        if (Gauge is null)
            return ProcessMemory.TryResetPeak();
        Gauge.ResetPeak();
        return true;
    }

    private long PeakBytes() => Gauge is null ? ProcessMemory.PeakResidentBytes() : _model.Transformer.Backend.PeakBytes;

    private IEnumerable<BenchmarkRow> MeasureTogether(BenchmarkCase[] cases, int total, Func<double> bandwidth, CancellationToken cancellation)
    {
        BenchmarkSummary summary = new(_model, _settings, _heldBytes);
        BenchmarkRepeat[][] measured = [.. cases.Select(_ => new BenchmarkRepeat[_settings.Repeats])];
        foreach (BenchmarkCase one in cases)
            WarmUp(one, cancellation);
        double before = bandwidth();
        for (int repeat = 0; repeat < _settings.Repeats; repeat++)
        {
            for (int i = 0; i < cases.Length; i++)
            {
                BenchmarkRepeat one = MeasureOnce(cases[i], cancellation);
                double after = bandwidth();
                measured[i][repeat] = one with { Bandwidth = (before + after) / 2 };
                before = after;
                _progress?.Invoke(new StepProgress("bench", cases[i].ToString(), ++_done, total, _tokens));
            }
        }

        return cases.Select((one, i) => summary.Of(one, measured[i]));
    }

    private BenchmarkRepeat MeasureOnce(BenchmarkCase measured, CancellationToken cancellation)
    {
        (BenchmarkPolicy policy, int length, int batch, _) = measured;
        bool isOfRow = TryResetPeak();
        SequenceCache[] sequences = new SequenceCache[batch];
        PassMeter? prefill = _settings is { Profile: true, SyntheticContext: false } ? new PassMeter(_model) : null;
        PassMeter? decode = _settings.Profile ? new PassMeter(_model) : null;
        try
        {
            for (int i = 0; i < batch; i++)
                sequences[i] = _model.Transformer.CreateSequence(policy.Policy, length + _settings.DecodeTokens, _settings.CacheType);
            EnergySpan energy = new(Energy);
            energy.Start();
            _clock = prefill?.Clock;
            double prefillSeconds = Fill(sequences, length, cancellation);
            double? prefillJoules = _settings.SyntheticContext ? null : energy.Stop("prefill");
            foreach (SequenceCache sequence in sequences)
                prefill?.AddPrompt(sequence, length, _model.Transformer.MaxRows);
            double decodeSeconds = 0, rows = 0;
            _drawSeconds = 0;
            _clock = decode?.Clock;
            energy.Start();
            for (int step = 0; step < _settings.DecodeTokens; step++)
            {
                long start = Stopwatch.GetTimestamp();
                Decode(sequences, cancellation);
                decodeSeconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
                long attended = sequences.Sum(sequence => sequence.RowsAttended());
                rows += attended;
                decode?.AddPass(batch, batch);
                decode?.AddDecode(attended, sequences[0].BytesPerRow);
            }

            decodeSeconds -= _drawSeconds;
            double? decodeJoules = energy.Stop("decode");
            double bytesPerStep = _model.Loaded.Weights.StepBytes(_model.Config, batch) + rows / _settings.DecodeTokens * sequences[0].BytesPerRow;
            return new BenchmarkRepeat(prefillSeconds, decodeSeconds, _drawSeconds, PeakBytes(), isOfRow, sequences.Sum(sequence => sequence.Bytes),
                bytesPerStep, 0, prefillJoules, decodeJoules, energy.WhyNot, prefill, decode)
            {
                PrefillKeptShare = policy.Prefill is null || _settings.SyntheticContext
                    ? null
                    : (double)sequences.Sum(sequence => sequence.PairsSeen) / sequences.Sum(sequence => sequence.PairsInAll),
            };
        }
        finally
        {
            _clock?.Stop();
            _clock = null;
            foreach (SequenceCache? sequence in sequences)
                sequence?.Dispose();
        }
    }

    /// <summary>Compiles what will run and brings the weights into memory, on short sequences: none takes more than it does later.</summary>
    private void WarmUp(BenchmarkCase later, CancellationToken cancellation)
    {
        const int Tokens = 64, LeastSteps = 2, MostSteps = 64;
        (BenchmarkPolicy policy, int length, int batch, _) = later;
        int prompt = Math.Min(length, Tokens), most = Math.Min(MostSteps, length + _settings.DecodeTokens - prompt);
        SequenceCache[] sequences = new SequenceCache[batch];
        try
        {
            for (int i = 0; i < batch; i++)
            {
                sequences[i] = _model.Transformer.CreateSequence(policy.Policy, prompt + most, _settings.CacheType);
                Prefill(sequences[i], i, i == 0 ? prompt : 1, cancellation);
            }

            long start = Stopwatch.GetTimestamp();
            for (int step = 0; step < most && (step < LeastSteps || Stopwatch.GetElapsedTime(start).TotalSeconds < 1); step++)
                Decode(sequences, cancellation);
        }
        finally
        {
            foreach (SequenceCache? sequence in sequences)
                sequence?.Dispose();
        }
    }

    private double Fill(SequenceCache[] sequences, int length, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < sequences.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (_settings.SyntheticContext)
                sequences[i].FillRandom(length, _settings.Seed + (ulong)i);
            else
                Prefill(sequences[i], i, length, cancellation);
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Reads a prompt in chunks, as a generation does, down to the logits of its last token.</summary>
    private void Prefill(SequenceCache sequence, int index, int length, CancellationToken cancellation)
    {
        int[] tokens = new int[length];
        PromptTokens.Fill(tokens, _settings.Seed, index, 0, _model.Config.VocabularySize);
        int last = 0;
        _clock?.Start();
        for (int start = 0, count; start < length; start += count)
        {
            cancellation.ThrowIfCancellationRequested();
            count = sequence.NextTokens(length - start, _model.Transformer.MaxRows);
            _batch.Clear();
            last = _batch.Add(sequence, tokens.AsSpan(start, count), AttentionMode.Prefill, length - start - count) + count - 1;
            _model.Transformer.Forward(_batch, cancellation);
            _tokens += count;
        }

        Logits([last]);
        _clock?.Stop();
    }

    // The likeliest of each row, as in a generation; then, with its own clock, what is to be drawn from the same logits.
    private void NextTokens(ReadOnlySpan<int> rows)
    {
        Span<int> tokens = stackalloc int[Transformer.MaxLogitRows];
        Span<TokenDraw> draws = stackalloc TokenDraw[Transformer.MaxLogitRows];
        draws.Clear();
        _model.Transformer.Draw(_batch, rows, draws[..rows.Length], tokens);
        if (_sampler is null)
            return;
        for (int i = 0; i < rows.Length; i++)
            draws[i] = _sampler.Describe(i);
        _sampler.Skip(rows.Length);
        long start = Stopwatch.GetTimestamp();
        _model.Transformer.DrawAgain(draws[..rows.Length], tokens);
        _drawSeconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private void Logits(ReadOnlySpan<int> rows)
    {
        int count = rows.Length * _model.Config.VocabularySize;
        if (_logits.Length < count)
            _logits = new float[count];
        _model.Transformer.Logits(_batch, rows, _logits);
    }

    /// <summary>One step: every sequence takes a random token, and all logits are computed.</summary>
    private void Decode(SequenceCache[] sequences, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        Span<int> token = stackalloc int[1], rows = stackalloc int[Transformer.MaxLogitRows];
        _clock?.Start();
        _batch.Clear();
        for (int i = 0; i < sequences.Length; i++)
        {
            PromptTokens.Fill(token, _settings.Seed, i, sequences[i].Length, _model.Config.VocabularySize);
            _ = _batch.Add(sequences[i], token, AttentionMode.Decode);
        }

        _model.Transformer.Forward(_batch, cancellation);
        for (int first = 0; first < sequences.Length; first += rows.Length)
        {
            int count = Math.Min(rows.Length, sequences.Length - first);
            for (int i = 0; i < count; i++)
                rows[i] = first + i;
            NextTokens(rows[..count]);
        }

        _clock?.Stop();
        _tokens += sequences.Length;
    }
}
