namespace MoA.Engine.Generation;

/// <summary>What a caller asks of a generation.</summary>
public sealed record GenerationOptions
{
    /// <summary>Most tokens to write.</summary>
    public int MaxNewTokens { get; init; } = 256;

    /// <summary>How tokens are drawn.</summary>
    public SamplingOptions Sampling { get; init; } = SamplingOptions.Greedy;

    /// <summary>Texts that end the output; they are not part of it.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];
}
