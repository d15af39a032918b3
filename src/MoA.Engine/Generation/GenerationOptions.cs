namespace MoA.Engine.Generation;

/// <summary>What a caller asks of a generation.</summary>
public sealed record GenerationOptions
{
    /// <summary>Most tokens to write; the caches' room and the model's context bound them too.</summary>
    public int MaxNewTokens { get; init; } = 256;

    /// <summary>How tokens are drawn.</summary>
    public SamplingOptions Sampling { get; init; } = SamplingOptions.Greedy;

    /// <summary>
    /// Whether the output goes on in the prompt's text, so that a space between the two is part of it; else it is a text of its
    /// own, such as the answer to a message.
    /// </summary>
    public bool ContinuesPrompt { get; init; }

    /// <summary>Texts that end the output; they are not part of it.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>
    /// If set, <see cref="GenerationResult.LogProbabilities"/> tells how likely each token was, with this many of the likeliest.
    /// </summary>
    public int? LogProbabilities { get; init; }
}
