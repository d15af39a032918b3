using System.Text;

namespace MoA.Engine.Tokenization;

/// <summary>
/// Messages in which every place where a special token would be read is marked by a guard, a noncharacter of Unicode that
/// no message holds. The template handles such text as any other (trims, splits, compares); after rendering, the guards
/// tell what a message wrote from what the template wrote.
/// </summary>
internal sealed class GuardedConversation
{
    private const char FirstGuard = '\uFDD0';
    private const int GuardCount = 32;

    private GuardedConversation(char guard, IReadOnlyList<ChatMessage> messages)
    {
        Guard = guard;
        Messages = messages;
    }

    /// <summary>The character that marks the places.</summary>
    public char Guard { get; }

    /// <summary>The messages with guards.</summary>
    public IReadOnlyList<ChatMessage> Messages { get; }

    /// <exception cref="InvalidInputException">The messages hold every noncharacter that could be a guard.</exception>
    public static GuardedConversation Create(IReadOnlyList<ChatMessage> messages, Tokenizer tokenizer)
    {
        for (char guard = FirstGuard; guard < FirstGuard + GuardCount; guard++)
        {
            if (messages.Any(message => message.Role.Contains(guard) || message.Content.Contains(guard)))
                continue;
            return new(guard, [.. messages.Select(message => new ChatMessage(
                Mark(message.Role, guard, tokenizer), Mark(message.Content, guard, tokenizer)))]);
        }

        throw new InvalidInputException("the messages hold all noncharacters from U+FDD0 to U+FDEF; remove them");
    }

    /// <summary>Takes the guards out of a rendered text and says where they stood.</summary>
    /// <returns>The text, and the positions in it, ascending, at which no special token may begin.</returns>
    public (string Text, int[] Guards) RemoveGuards(string text)
    {
        if (!text.Contains(Guard))
            return (text, []);
        var clean = new StringBuilder(text.Length);
        var guards = new List<int>();
        foreach (char c in text)
        {
            if (c == Guard)
                guards.Add(clean.Length);
            else
                clean.Append(c);
        }

        return (clean.ToString(), [.. guards]);
    }

    private static string Mark(string text, char guard, Tokenizer tokenizer)
    {
        List<int> starts = tokenizer.FindSpecialTokenStarts(text);
        if (starts.Count == 0)
            return text;
        var marked = new StringBuilder(text.Length + starts.Count);
        int from = 0;
        foreach (int start in starts)
        {
            marked.Append(text, from, start - from).Append(guard);
            from = start;
        }

        return marked.Append(text, from, text.Length - from).ToString();
    }
}
