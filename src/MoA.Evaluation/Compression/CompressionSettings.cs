using MoA.Engine;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Search.Pipeline;

namespace MoA.Evaluation.Compression;

/// <summary>What a whole compression is asked for.</summary>
public sealed record CompressionSettings
{
    /// <summary>The plan search.</summary>
    public required SearchSettings Search { get; init; }

    /// <summary>Items for each profile length.</summary>
    public required int ItemsPerLength { get; init; }

    /// <summary>Items to validate on.</summary>
    public required int ValidationItems { get; init; }

    /// <summary>Most tokens of an answer that the model writes for calibration.</summary>
    public required int MaxAnswerTokens { get; init; }

    /// <summary>Lengths of the retrieval evaluation.</summary>
    public required IReadOnlyList<int> RetrievalLengths { get; init; }

    /// <summary>Questions for each length and policy; 0 leaves the evaluation out.</summary>
    public int RetrievalItems { get; init; } = 100;

    /// <summary>Most Pareto plans to validate, spread over the front.</summary>
    public int MaxPlans { get; init; } = 10;

    /// <summary>
    /// By which scores the heads of a plan choose their rows, as behind <c>scorer=</c> on the command line; null where the last rows stay. Plans are validated so, and the chosen one
    /// names it.
    /// </summary>
    public string? Scorer { get; init; }

    /// <summary>Bytes that profiling may take beside the weights; null for half of the machine's memory.</summary>
    public long? MemoryLimit { get; init; }

    /// <summary>Conversations to use; null generates documents.</summary>
    public string? DataFile { get; init; }

    /// <summary>Conversations to validate on.</summary>
    public string? ValidationDataFile { get; init; }

    /// <summary>Keeps the answers of the data.</summary>
    public bool KeepAnswers { get; init; }

    /// <summary>Seed of everything that is drawn.</summary>
    public ulong Seed { get; init; }

    /// <summary>Format of the KV rows.</summary>
    public ElementType CacheType { get; init; } = ElementType.BF16;

    /// <summary>The part that the calibrate step needs.</summary>
    internal CalibrationStepSettings CalibrationStep => new()
    {
        ProfileLengths = Search.ProfileLengths,
        ValidationLength = Search.ValidationLength,
        ItemsPerLength = ItemsPerLength,
        ValidationItems = ValidationItems,
        MaxAnswerTokens = MaxAnswerTokens,
        DataFile = DataFile,
        ValidationDataFile = ValidationDataFile,
        KeepAnswers = KeepAnswers,
        Seed = Seed,
        CacheType = CacheType,
    };

    /// <summary>Refuses settings that would only fail when most of the work is done.</summary>
    /// <exception cref="InvalidInputException">A setting cannot be used; the message names its option.</exception>
    internal void Check(ModelConfig config)
    {
        Search.Check(config);
        int longest = RetrievalItems == 0 ? 0 : RetrievalLengths.DefaultIfEmpty().Max();
        if (longest > config.LongestText)
        {
            throw new InvalidInputException(
                $"--retrieval-lengths {longest}: the model's context is {config.MaxPositions} tokens; choose shorter lengths, " +
                "or --retrieval-items 0");
        }
    }

    /// <summary>The paper's 50 items for each length; half as many to validate on for contexts below 16384 tokens.</summary>
    /// <param name="model">The model.</param>
    /// <param name="search">What is searched for it; null for the defaults.</param>
    public static CompressionSettings DefaultsFor(LanguageModel model, SearchSettings? search = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        return DefaultsFor(model.Config, search ?? SearchSettings.DefaultsFor(model));
    }

    /// <summary>The same for a shape alone.</summary>
    internal static CompressionSettings DefaultsFor(ModelConfig config, SearchSettings search)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(search);
        const int PaperItems = 50;
        return new CompressionSettings
        {
            Search = search,
            ItemsPerLength = PaperItems,
            ValidationItems = config.MaxPositions >= 16384 ? 2 * PaperItems : PaperItems,
            MaxAnswerTokens = Math.Max(16, search.ProfileLengths.Min() / 8),
            RetrievalLengths = [.. new[] { search.ProfileLengths.Max(), search.ConstrainedLengths.Max() }.Distinct()],
        };
    }
}
