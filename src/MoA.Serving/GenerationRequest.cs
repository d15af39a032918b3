using MoA.Engine.Generation;

namespace MoA.Serving;

/// <summary>Tokens to go on from.</summary>
public sealed record GenerationRequest
{
    /// <summary>The prompt's tokens, at least one.</summary>
    public required IReadOnlyList<int> Prompt { get; init; }

    /// <summary>The first tokens of the output, where another service has written them: the output goes on after them, and pieces tell only of what is new.</summary>
    public IReadOnlyList<int> Written { get; init; } = [];

    /// <summary>Most tokens to write, 0 to read the prompt only; null: <see cref="ServiceOptions.DefaultNewTokens"/>, or what the context leaves.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>Whether the text may be shorter than <see cref="MaxNewTokens"/> where the context or the memory holds no more, rather than being refused.</summary>
    public bool ShortensToFit { get; init; }

    /// <summary>How tokens are drawn.</summary>
    public SamplingOptions Sampling { get; init; } = SamplingOptions.Greedy;

    /// <summary>Texts that end the output; they are not part of it.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>If set, every piece tells how likely its tokens were, with this many of the likeliest.</summary>
    public int? LogProbabilities { get; init; }

    /// <summary>If set, the reply tells how likely the prompt's tokens were, with this many of the likeliest. All of the prompt is read then, kept caches or not.</summary>
    public int? PromptLogProbabilities { get; init; }

    /// <summary>Whether the output goes on in the prompt's text, as a completion does; an answer to a message does not.</summary>
    public bool ContinuesPrompt { get; init; }

    /// <summary>Whether special tokens are part of the text.</summary>
    public bool ShowsSpecialTokens { get; init; }

    /// <summary>What may be written; null: anything. Made for this request alone.</summary>
    public TokenConstraint? Constraint { get; init; }

    /// <summary>
    /// Ascending lengths of the prompt at which another request may part from it: where messages end. The caches as they stand there are kept if
    /// there is room, since under windows they cannot be taken back to there later.
    /// </summary>
    public IReadOnlyList<int> Landmarks { get; init; } = [];

    /// <summary>Whether what was read and written is kept for a request that goes on from it.</summary>
    public bool KeepsPrefix { get; init; } = true;
}
