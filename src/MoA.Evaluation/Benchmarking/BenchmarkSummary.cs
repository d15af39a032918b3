using MoA.Engine.Generation;

namespace MoA.Evaluation.Benchmarking;

/// <summary>Makes rows of repeated measurements.</summary>
/// <param name="model">The model.</param>
/// <param name="settings">What was measured.</param>
/// <param name="heldBytes">Bytes of weights and activations.</param>
internal sealed class BenchmarkSummary(LanguageModel model, BenchmarkSettings settings, long heldBytes)
{
    /// <summary>The row of a case.</summary>
    public BenchmarkRow Of(BenchmarkCase done, BenchmarkRepeat[] measured)
    {
        (BenchmarkPolicy policy, int length, int batch, long cacheBytes) = done;
        double bytesPerStep = measured[0].BytesPerStep;
        return new BenchmarkRow
        {
            Policy = policy,
            Length = length,
            Batch = batch,
            PrefillTokensPerSecond = settings.SyntheticContext
                ? null
                : Spread.Of(measured.Select(one => (double)batch * length / one.PrefillSeconds)),
            PrefillKeptShare = measured[0].PrefillKeptShare,
            DecodeTokensPerSecond = Spread.Of(measured.Select(one => (double)batch * settings.DecodeTokens / one.DecodeSeconds)),
            DrawMillisecondsPerToken = OfDraws(measured, one => 1000 * one.DrawSeconds / (batch * settings.DecodeTokens)),
            SampledTokensPerSecond = OfDraws(measured, one => (double)batch * settings.DecodeTokens / (one.DecodeSeconds + one.DrawSeconds)),
            KvBytes = measured[0].KvBytes,
            WeightBytes = model.Transformer.WeightBytes,
            ActiveBytes = (long)model.Loaded.Weights.StepBytes(model.Config, 1),
            ReckonedBytes = heldBytes + cacheBytes,
            PeakResidentBytes = measured.Max(one => one.PeakBytes),
            PeakIsOfRow = measured.All(one => one.PeakIsOfRow),
            Density = policy.Policy.Density(model.Config, length + settings.DecodeTokens),
            BytesPerStep = bytesPerStep,
            BandwidthBytesPerSecond = Spread.Of(measured.Select(one => one.Bandwidth)),
            BandwidthShare = Spread.Of(measured.Select(one =>
                bytesPerStep * settings.DecodeTokens / one.DecodeSeconds / one.Bandwidth)),
            PrefillJoulesPerToken = PerToken(measured, one => one.PrefillJoules, (long)batch * length),
            DecodeJoulesPerToken = PerToken(measured, one => one.DecodeJoules, (long)batch * settings.DecodeTokens),
            PrefillProfile = Profile(measured, one => one.PrefillSeconds, one => one.Prefill),
            DecodeProfile = Profile(measured, one => one.DecodeSeconds, one => one.Decode),
            WhyNoEnergy = measured.Select(one => one.WhyNoEnergy).FirstOrDefault(reason => reason is not null),
        };
    }

    private Spread? OfDraws(BenchmarkRepeat[] measured, Func<BenchmarkRepeat, double> figure) =>
        settings.Sampling is null ? null : Spread.Of(measured.Select(figure));

    // A repeat without energy leaves none: the others would be a choice.
    private static Spread? PerToken(BenchmarkRepeat[] measured, Func<BenchmarkRepeat, double?> joules, long tokens) =>
        measured.All(one => joules(one) is not null) ? Spread.Of(measured.Select(one => joules(one)!.Value / tokens)) : null;

    // Of one repeat, so that times add up: the one whose share of the bandwidth is the middle one.
    private static PassProfile? Profile(BenchmarkRepeat[] measured, Func<BenchmarkRepeat, double> seconds, Func<BenchmarkRepeat, PassMeter?> meter)
    {
        BenchmarkRepeat middle = measured.OrderBy(one => seconds(one) * one.Bandwidth).ElementAt(measured.Length / 2);
        return meter(middle)?.Summarise(middle.Bandwidth);
    }
}
