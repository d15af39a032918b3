namespace MoA.Evaluation.Tasks;

/// <summary><c>configuration.json</c> of a result folder: what was run.</summary>
internal sealed record EvaluationConfiguration
{
    /// <summary>The task's name on the command line.</summary>
    public required string Task { get; init; }

    /// <summary>The data set of the task, or null.</summary>
    public string? Dataset { get; init; }

    /// <summary>Most tokens of prompt and answer together.</summary>
    public required int Length { get; init; }

    /// <summary>How answers are scored.</summary>
    public required string Metric { get; init; }

    /// <summary>Number of bins of depth that are reported, or 0.</summary>
    public int DepthBins { get; init; }

    /// <summary>Where the items come from.</summary>
    public required string Source { get; init; }

    /// <summary>Number of items.</summary>
    public required int Items { get; init; }

    /// <summary>The model's name.</summary>
    public required string Model { get; init; }

    /// <summary>Tells the model from others of the same name.</summary>
    public required string ModelFingerprint { get; init; }

    /// <summary>The policy's name.</summary>
    public required string Policy { get; init; }

    /// <summary>The policy as it was written on the command line, with its settings or its plan.</summary>
    public required string PolicySetting { get; init; }

    /// <summary>The policy in the folder's name.</summary>
    public required string PolicyLabel { get; init; }

    /// <summary>Tells the policy from others of the same name and density, by the content of its plan too.</summary>
    public required string PolicyIdentity { get; init; }

    /// <summary>Stored share of a full cache at the length.</summary>
    public required double Density { get; init; }

    /// <summary>Format of the cached rows.</summary>
    public required string Kv { get; init; }

    /// <summary>How texts are scored: <c>prefill</c> or <c>decode</c>; null for tasks that write answers.</summary>
    public string? Through { get; init; }

    /// <summary>The settings in which two runs must agree to share a folder; the number of items may differ.</summary>
    internal IEnumerable<(string Name, string Value)> Settings =>
    [
        ("task", Dataset is null ? Task : $"{Task}-{Dataset}"), ("length", $"{Length}"), ("source", Source), ("model", Model),
        ("model fingerprint", ModelFingerprint), ("policy", PolicyIdentity), ("kv", Kv),
        ("through", Through ?? ""),
    ];
}
