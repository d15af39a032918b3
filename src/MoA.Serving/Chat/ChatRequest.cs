using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Serving.Chat;

/// <summary>A conversation that the model is to answer.</summary>
public sealed record ChatRequest
{
    /// <summary>The messages, in order.</summary>
    public required IReadOnlyList<ChatMessage> Messages { get; init; }

    /// <summary>What the caller calls the conversation, to tell it from others that begin alike; null: it is known by how it begins.</summary>
    public string? Conversation { get; init; }

    /// <summary>Earlier answers of the conversation in the tokens in which another service wrote them.</summary>
    public IReadOnlyList<WrittenAnswer> Answers { get; init; } = [];

    /// <summary>The first tokens of the answer, where another service has written them: the answer goes on after them, and pieces tell only of what is new.</summary>
    public IReadOnlyList<int> Written { get; init; } = [];

    /// <summary>Whether the last message, the assistant's, goes on: the answer is what follows its content (or, where it has only those, its thoughts).</summary>
    public bool ContinuesLast { get; init; }

    /// <summary>Tools that the model may ask for.</summary>
    public IReadOnlyList<ToolDefinition> Tools { get; init; } = [];

    /// <summary>Whether it must, may or may not ask for one.</summary>
    public ToolChoice ToolChoice { get; init; } = ToolChoice.Auto;

    /// <summary>Whether it may ask for several tools in one answer.</summary>
    public bool ParallelToolCalls { get; init; } = true;

    /// <summary>What the answer's text must be.</summary>
    public AnswerFormat Format { get; init; } = AnswerFormat.Text;

    /// <summary>Whether the model is to think before it answers, for templates that know such a switch; null: as the template has it.</summary>
    public bool? Thinks { get; init; }

    /// <summary>How much it is to think (<c>low</c>, <c>medium</c>, <c>high</c>), for templates that know it; null: as the template has it.</summary>
    public string? ReasoningEffort { get; init; }

    /// <summary>Most tokens to write; null: <see cref="ServiceOptions.DefaultNewTokens"/>, or what the context leaves.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>Whether the text may be shorter than <see cref="MaxNewTokens"/> where the context or the memory holds no more, rather than being refused.</summary>
    public bool ShortensToFit { get; init; }

    /// <summary>How tokens are drawn.</summary>
    public SamplingOptions Sampling { get; init; } = SamplingOptions.Greedy;

    /// <summary>Texts that end the answer; they are not part of it.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>If set, every piece tells how likely its tokens were, with this many of the likeliest.</summary>
    public int? LogProbabilities { get; init; }

    /// <summary>Whether what was read and written is kept for the next turn.</summary>
    public bool KeepsPrefix { get; init; } = true;
}
