using MoA.Engine;
using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>
/// Writes documents whose questions need something from far back. A document depends on nothing but its arguments and
/// is filled up to, and never above, a number of tokens.
/// </summary>
internal abstract class DocumentGenerator
{
    private protected DocumentGenerator(TokenCounter counter)
    {
        ArgumentNullException.ThrowIfNull(counter);
        Counter = counter;
    }

    /// <summary>The sort of documents this writes.</summary>
    public abstract DocumentKind Kind { get; }

    /// <summary>How tokens are counted.</summary>
    public TokenCounter Counter { get; }

    /// <summary>Writes one document.</summary>
    /// <param name="targetTokens">Tokens of the whole conversation, answer included; the result is at most one line or sentence shorter.</param>
    /// <param name="depth">Where the needed fact shall lie, 0 (start) ≤ depth ≤ 1 (end).</param>
    /// <param name="split">The set the document is for.</param>
    /// <param name="seed">The same seed and arguments give the same document.</param>
    /// <exception cref="InvalidInputException">The target is too short, or longer than this sort of document can be.</exception>
    public abstract GeneratedItem Create(int targetTokens, double depth, CalibrationSplit split, ulong seed);

    /// <summary>The document of the most pieces that fits. <paramref name="write"/> is called with a number of pieces.</summary>
    private protected (GeneratedItem Item, int Pieces) Fill(int targetTokens, int leastPieces, int mostPieces, Func<int, GeneratedItem> write)
    {
        GeneratedItem Counted(int pieces)
        {
            GeneratedItem item = write(pieces);
            return item with { Tokens = Counter.Of(item.Conversation.Messages) };
        }

        GeneratedItem least = Counted(leastPieces);
        if (least.Tokens > targetTokens)
        {
            throw new InvalidInputException($"the length {targetTokens} is too short for generated {Label} documents; "
                + $"this one needs at least {least.Tokens} tokens; choose a longer length");
        }

        GeneratedItem best = least;
        int pieces = LargestFit.Find(leastPieces, mostPieces, targetTokens, count =>
        {
            GeneratedItem item = count == leastPieces ? least : Counted(count);
            if (item.Tokens <= targetTokens)
                best = item;

            return item.Tokens;
        });
        return pieces < mostPieces ? (best, pieces)
            : throw new InvalidInputException($"the length {targetTokens} is too long for generated {Label} documents; "
                + $"they reach about {best.Tokens} tokens; choose a shorter length or give data of your own");
    }

    /// <summary>The item of a conversation whose last message is the reference answer; tokens are not counted yet.</summary>
    private protected GeneratedItem Item(IReadOnlyList<ChatMessage> messages, double depth, int? value) => new(
        new MessagesItem(messages) { Source = "generated", Dataset = Label, Kind = Label }, Kind, depth, messages[^1].Content, value, 0);

    private protected static void CheckDepth(double depth)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(depth);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(depth, 1);
    }

    /// <summary>The label of the items in files: records, needles, articles.</summary>
    private string Label => Kind switch
    {
        DocumentKind.Record => "records",
        DocumentKind.Needle => "needles",
        _ => "articles",
    };
}
