namespace MoA.Engine.Generation;

/// <summary>What a caller asks of a generation.</summary>
internal sealed record GenerationOptions
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

    /// <summary>
    /// Whether tokens are drafted from the text's own words and several verified in one step (<see cref="PromptLookup"/>): the same
    /// text in fewer steps where it repeats what it read. Without effect where <see cref="LanguageModel.WhyNoLookup"/> says so.
    /// </summary>
    public bool Lookup { get; init; }

    /// <summary>Texts that end the output; they are not part of it.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>What may be written; null: anything. Made for one run alone.</summary>
    public TokenConstraint? Constraint { get; init; }

    /// <summary>
    /// If set, <see cref="GenerationResult.LogProbabilities"/> tells how likely each token was, with this many of the likeliest.
    /// </summary>
    public int? LogProbabilities { get; init; }
}
