using MoA.Engine;

namespace MoA.Search.Calibration;

/// <summary>Items that measure retrieval at one length, spread evenly over the depths of the document.</summary>
internal sealed class RetrievalSet
{
    private RetrievalSet(int targetTokens, int depthBins, IReadOnlyList<RetrievalItem> items)
    {
        TargetTokens = targetTokens;
        DepthBins = depthBins;
        Items = items;
    }

    /// <summary>The length no item exceeds, prompt and answer together.</summary>
    public int TargetTokens { get; }

    /// <summary>Number of equal bins of depth.</summary>
    public int DepthBins { get; }

    /// <summary>The items, bin after bin in turn, so that a first part of them covers all depths too.</summary>
    public IReadOnlyList<RetrievalItem> Items { get; }

    /// <summary>Line retrieval as in LongEval (<see cref="RecordDocument"/>; the paper takes 100 items, 10 depths × 10).</summary>
    /// <param name="targetTokens">Tokens of prompt and answer together.</param>
    /// <param name="items">Number of items, at least 1.</param>
    /// <param name="depthBins">Number of depth bins, at least 1; items are dealt to them in turn.</param>
    /// <param name="seed">The same seed gives the same set.</param>
    /// <param name="countTokens">Tokens of a text on its own, without special tokens; the chat template is allowed for
    /// with the defaults of <see cref="TokenCounter"/>.</param>
    /// <exception cref="InvalidInputException">The target is too short or too long for a record.</exception>
    public static RetrievalSet Create(int targetTokens, int items, int depthBins, ulong seed, Func<string, int> countTokens) =>
        Create(new RecordDocument(new TokenCounter(countTokens)), targetTokens, items, depthBins, seed);

    /// <summary>Retrieval from documents of a generator whose answers are one number: records or needles.</summary>
    /// <exception cref="ArgumentException">The generator writes articles, whose answers are no numbers.</exception>
    /// <exception cref="InvalidInputException">The target is too short or too long for the documents.</exception>
    public static RetrievalSet Create(DocumentGenerator generator, int targetTokens, int items, int depthBins, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(generator);
        ArgumentOutOfRangeException.ThrowIfLessThan(items, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(depthBins, 1);
        if (generator.Kind == DocumentKind.Articles)
            throw new ArgumentException("a summary has no one number to check; use records or needles", nameof(generator));

        ulong setSeed = SeededRandom.Derive(seed, (ulong)CalibrationSplit.Evaluation, (ulong)targetTokens, (ulong)generator.Kind);
        HashSet<MessagesItem> seen = [];
        RetrievalItem[] created = new RetrievalItem[items];
        for (int i = 0; i < items; i++)
        {
            int bin = i % depthBins;
            created[i] = new RetrievalItem(
                CalibrationMix.CreateNew(generator, targetTokens, (bin, depthBins), CalibrationSplit.Evaluation,
                    SeededRandom.Derive(setSeed, (ulong)i), seen), bin);
        }

        return new RetrievalSet(targetTokens, depthBins, created);
    }
}
