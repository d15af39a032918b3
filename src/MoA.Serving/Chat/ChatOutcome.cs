using MoA.Engine.Tokenization;

namespace MoA.Serving.Chat;

/// <summary>An answer.</summary>
/// <param name="Message">The assistant's message: text, thoughts and calls of tools.</param>
/// <param name="Finish">Why it ended.</param>
/// <param name="Usage">What it took.</param>
/// <param name="StopText">The stop string that ended it, if one did.</param>
public sealed record ChatOutcome(ChatMessage Message, ChatFinish Finish, Usage Usage, string? StopText = null)
{
    /// <summary>The answer's tokens, for services that are to read it later; null where its message does not tell all of them.</summary>
    public WrittenAnswer? Answer { get; init; }
}
