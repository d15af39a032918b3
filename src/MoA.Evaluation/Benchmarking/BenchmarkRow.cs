namespace MoA.Evaluation.Benchmarking;

/// <summary>What was measured for one policy, length and batch.</summary>
internal sealed record BenchmarkRow
{
    /// <summary>The policy.</summary>
    public required BenchmarkPolicy Policy { get; init; }

    /// <summary>Tokens of context of each sequence before decoding.</summary>
    public required int Length { get; init; }

    /// <summary>Sequences that decode together.</summary>
    public required int Batch { get; init; }

    /// <summary>Prompt tokens read in a second, of all sequences; null for a synthetic context.</summary>
    public required Spread? PrefillTokensPerSecond { get; init; }

    /// <summary>Share of the pairs of a prompt's token and one before it, or itself, that attended under a prefill policy, over the heads of its layers; null without one.</summary>
    public double? PrefillKeptShare { get; init; }

    /// <summary>New tokens in a second, of all sequences.</summary>
    public required Spread DecodeTokensPerSecond { get; init; }

    /// <summary>Milliseconds that drawing a token took, those of a batch side by side; null where none was drawn.</summary>
    public Spread? DrawMillisecondsPerToken { get; init; }

    /// <summary>New tokens in a second if each step also draws; null where none did.</summary>
    public Spread? SampledTokensPerSecond { get; init; }

    /// <summary>Bytes of the caches of all sequences at the end, as allocated; policies that choose after the prompt held all of it before.</summary>
    public required long KvBytes { get; init; }

    /// <summary>Bytes of all weights.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Bytes of the weights that one token reads: not those of the experts that it does not choose, nor of an untied embedding.</summary>
    public required long ActiveBytes { get; init; }

    /// <summary>Bytes of the weights, of activations and of the caches as they were first allocated, reckoned before the run.</summary>
    public required long ReckonedBytes { get; init; }

    /// <summary>
    /// The most bytes resident, mapped weights included, of this row or of the process so far; of a device its memory that was in use.
    /// </summary>
    public required long PeakResidentBytes { get; init; }

    /// <summary>Whether <see cref="PeakResidentBytes"/> is the row's own; otherwise the system cannot reset the peak.</summary>
    public required bool PeakIsOfRow { get; init; }

    /// <summary>Kept share of full caches, as the plan counts it.</summary>
    public required double Density { get; init; }

    /// <summary>
    /// Bytes that a decode step must read: all weights but those of an untied embedding, of experts at most as many as its tokens choose, and
    /// every KV row that it attends to (mean over the steps).
    /// </summary>
    public required double BytesPerStep { get; init; }

    /// <summary>Read bandwidth of all threads, or what a device copies, measured before and after each repeat; bytes a second.</summary>
    public required Spread BandwidthBytesPerSecond { get; init; }

    /// <summary>
    /// Share of the roofline of a decode step: the time that reading <see cref="BytesPerStep"/> takes at the bandwidth
    /// measured around each repeat, over the time that the step took. Caches of the processor can lift it above 1.
    /// </summary>
    public required Spread BandwidthShare { get; init; }

    /// <summary>
    /// Joules that a prompt token took, other work on the machine included; null for a synthetic context and where nothing counts
    /// them.
    /// </summary>
    public Spread? PrefillJoulesPerToken { get; init; }

    /// <summary>Joules that a new token took; null where nothing counts them.</summary>
    public Spread? DecodeJoulesPerToken { get; init; }

    /// <summary>Why a meter did not tell the joules, in one line; null if it did, or if there is none.</summary>
    public string? WhyNoEnergy { get; init; }

    /// <summary>Where the time of a decode step goes, in the repeat that took the middle time; null where nobody asked.</summary>
    public PassProfile? DecodeProfile { get; init; }

    /// <summary>Where the time of reading a prompt goes; null for a synthetic context too.</summary>
    public PassProfile? PrefillProfile { get; init; }
}
