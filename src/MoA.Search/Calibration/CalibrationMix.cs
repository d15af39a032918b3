using MoA.Engine;

namespace MoA.Search.Calibration;

/// <summary>Writes a set of generated documents: every length gets the same number, every sort an even share of it.</summary>
internal static class CalibrationMix
{
    /// <summary>Draws that may repeat a document before a set counts as impossible.</summary>
    private const int MostAttempts = 100;

    /// <summary>
    /// The documents of all lengths, length by length, sorts in turn. The depths of one sort at one length are spread evenly
    /// over the document (one in each of equal bins). No document occurs twice in a set, and sets of different splits share none.
    /// </summary>
    /// <param name="split">What the set is for.</param>
    /// <param name="lengths">Target lengths in tokens, each a whole conversation; no document is longer than its target.</param>
    /// <param name="itemsPerLength">Documents of each length, at least 1.</param>
    /// <param name="seed">The same seed gives the same set.</param>
    /// <param name="counter">How tokens are counted.</param>
    /// <param name="kinds">The sorts to mix; all three when null.</param>
    /// <exception cref="InvalidInputException">A length is too short for a sort of document.</exception>
    public static IReadOnlyList<GeneratedItem> Create(
        CalibrationSplit split, IReadOnlyList<int> lengths, int itemsPerLength, ulong seed, TokenCounter counter,
        IReadOnlyList<DocumentKind>? kinds = null)
    {
        ArgumentNullException.ThrowIfNull(lengths);
        ArgumentOutOfRangeException.ThrowIfLessThan(itemsPerLength, 1);
        kinds = kinds is { Count: > 0 } ? kinds : Enum.GetValues<DocumentKind>();
        DocumentGenerator[] generators = [.. kinds.Select(kind => GeneratorOf(kind, counter))];
        HashSet<MessagesItem> seen = [];
        List<GeneratedItem> items = new(lengths.Count * itemsPerLength);
        foreach (int length in lengths)
        {
            ulong lengthSeed = SeededRandom.Derive(seed, (ulong)split, (ulong)length);
            for (int i = 0; i < itemsPerLength; i++)
            {
                int sort = i % kinds.Count, itemsOfSort = (itemsPerLength - sort + kinds.Count - 1) / kinds.Count;
                items.Add(CreateNew(generators[sort], length, (i / kinds.Count, itemsOfSort), split,
                    SeededRandom.Derive(lengthSeed, (ulong)i), seen));
            }
        }

        return items;
    }

    /// <summary>The generator of a sort of document, with its defaults.</summary>
    public static DocumentGenerator GeneratorOf(DocumentKind kind, TokenCounter counter) => kind switch
    {
        DocumentKind.Record => new RecordDocument(counter),
        DocumentKind.Needle => new NeedleDocument(counter),
        DocumentKind.Articles => new ArticlesDocument(counter),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>A document that <paramref name="seen"/> does not hold, its depth uniform within its bin.</summary>
    internal static GeneratedItem CreateNew(
        DocumentGenerator generator, int targetTokens, (int Index, int Count) bin, CalibrationSplit split, ulong seed,
        HashSet<MessagesItem> seen)
    {
        for (int attempt = 0; attempt < MostAttempts; attempt++)
        {
            SeededRandom random = new(SeededRandom.Derive(seed, (ulong)attempt));
            double depth = (bin.Index + random.NextDouble()) / bin.Count;
            GeneratedItem item = generator.Create(targetTokens, depth, split, random.NextBits());
            if (seen.Add(item.Conversation))
                return item;
        }

        throw new InvalidInputException(
            $"the length {targetTokens} is too short for so many different documents; choose a longer length or fewer items");
    }
}
