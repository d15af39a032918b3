using System.Globalization;
using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>A question whose answer is one number that stands somewhere in a long prompt.</summary>
/// <param name="Document">The document with its reference answer and expected number.</param>
/// <param name="DepthBin">The bin of the fact's depth, counted from 0 at the document's start.</param>
internal sealed record RetrievalItem(GeneratedItem Document, int DepthBin)
{
    /// <summary>The messages up to the question, without the reference answer that follows.</summary>
    public IReadOnlyList<ChatMessage> Prompt { get; } =
        [.. Document.Conversation.Messages.Take(Document.Conversation.Messages.Count - 1)];

    /// <summary>The reference answer up to its number, without a space at the end: what a base model is given of it.</summary>
    public string AnswerStart { get; } = StartOf(Document.ExpectedAnswer, Document.ExpectedValue);

    /// <summary>What the text of a base model, which goes on after <see cref="AnswerStart"/>, says as an answer: its first line.</summary>
    public string AnswerIn(string continuation)
    {
        ArgumentNullException.ThrowIfNull(continuation);
        return AnswerStart + continuation.TrimStart('\n').Split('\n')[0];
    }

    /// <summary>Judges what a model wrote, given without special tokens.</summary>
    public RetrievalVerdict Judge(string output)
    {
        ArgumentNullException.ThrowIfNull(output);
        string expected = Document.ExpectedValue?.ToString(CultureInfo.InvariantCulture) ?? "";
        return new RetrievalVerdict(
            LastInteger(output) is { } last && last == expected,
            output.AsSpan().Trim().SequenceEqual(Document.ExpectedAnswer));
    }

    internal static string StartOf(string answer, int? value)
    {
        int at = value is int number ? answer.IndexOf(number.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal) : 0;
        return answer[..Math.Max(at, 0)].TrimEnd(' ');
    }

    /// <summary>The digits of the last whole number in a text, without leading zeros; null if there is none.</summary>
    internal static string? LastInteger(string text)
    {
        int end = text.AsSpan().LastIndexOfAnyInRange('0', '9') + 1;
        if (end == 0)
            return null;

        int start = text.AsSpan(0, end).LastIndexOfAnyExceptInRange('0', '9') + 1;
        string digits = text[start..end].TrimStart('0');
        return digits.Length > 0 ? digits : "0";
    }
}
