using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>Counts the tokens a conversation takes, by a tokenizer's count of each content and allowances for the rest.</summary>
/// <param name="Count">Tokens of a text on its own, without special tokens.</param>
internal sealed record TokenCounter(Func<string, int> Count)
{
    /// <summary>What the chat template adds once (begin of text, a system prompt). Default 8.</summary>
    public int TokensPerConversation { get; init; } = 8;

    /// <summary>What the chat template adds to each message (role, line ends, end of turn). Default 8.</summary>
    public int TokensPerMessage { get; init; } = 8;

    /// <summary>Least number of tokens to reserve for each answer, where the model's own will replace the reference. Default 0:
    /// the reference's own length.</summary>
    public int AnswerAllowance { get; init; }

    /// <summary>Whether the allowance is for what is written after the reference's beginning, and so counts besides it. Default: in its place.</summary>
    public bool AllowanceIsBesides { get; init; }

    /// <summary>Tokens of the whole conversation; each assistant message counts at least <see cref="AnswerAllowance"/>.</summary>
    public int Of(IEnumerable<ChatMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return TokensPerConversation + messages.Sum(message =>
            TokensPerMessage + (message.Role == ChatRole.Assistant ? OfAnswer(message.Content) : Count(message.Content)));
    }

    private int OfAnswer(string content) =>
        AllowanceIsBesides ? Count(content) + AnswerAllowance : Math.Max(Count(content), AnswerAllowance);
}
