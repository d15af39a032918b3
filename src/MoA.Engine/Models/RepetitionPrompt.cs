using MoA.Engine.Tokenization;

namespace MoA.Engine.Models;

/// <summary>How a model is told to repeat what it has read (KVzip, arXiv 2505.23416), in tokens.</summary>
/// <param name="First">Before the text's beginning.</param>
/// <param name="Later">Before the last tokens of the part that was repeated before.</param>
/// <param name="Turn">What the model's chat template puts before an answer.</param>
internal sealed record RepetitionPrompt(int[] First, int[] Later, int[] Turn)
{
    /// <summary>Tokens of the part before that a part starts with.</summary>
    public const int Overlap = 8;

    /// <summary>The most tokens that all of this is taken to have.</summary>
    public const int MostTokens = 256;

    /// <summary>The most tokens that are read before a part.</summary>
    public int Words => Math.Max(First.Length, Later.Length + Overlap) + Turn.Length;

    /// <summary>No words at all: for models without a tokenizer.</summary>
    public static RepetitionPrompt None { get; } = new([], [], []);

    /// <summary>The words of the official code.</summary>
    public static RepetitionPrompt Of(Tokenizer? tokenizer, ChatTemplate? template)
    {
        if (tokenizer is null)
            return None;
        return new RepetitionPrompt(
            Encode("\n\nRepeat the previous context exactly."),
            Encode("\n\nRepeat the part of the previous context exactly, starting with"),
            Encode(TurnOf(template), special: true));

        int[] Encode(string text, bool special = false) => tokenizer.Encode(text, addSpecialTokens: false, parseSpecialTokens: special);
    }

    /// <summary>The tokens that are read for a part of a text.</summary>
    public int[] Before(ReadOnlySpan<int> earlier) =>
        earlier.IsEmpty ? [.. First, .. Turn] : [.. Later, .. earlier[Math.Max(0, earlier.Length - Overlap)..], .. Turn];

    // What follows a question up to its answer.
    private static string TurnOf(ChatTemplate? template)
    {
        const string Mark = "\n#################";
        try
        {
            string text = template?.Render([new ChatMessage(ChatRole.User, $"context{Mark}")], addGenerationPrompt: true) ?? "";
            int end = text.LastIndexOf(Mark, StringComparison.Ordinal);
            return end < 0 ? "\n" : text[(end + Mark.Length)..];
        }
        catch (InvalidInputException)
        {
            return "\n"; // a template that refuses such a conversation
        }
    }
}
