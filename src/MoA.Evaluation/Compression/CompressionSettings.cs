using MoA.Engine;
using MoA.Engine.Models;
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
    public CalibrationStepSettings CalibrationStep => new()
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
    public void Check(ModelConfig config)
    {
        Search.Check(config);
        int longest = RetrievalItems == 0 ? 0 : RetrievalLengths.DefaultIfEmpty().Max();
        if (longest > config.MaxPositions)
        {
            throw new InvalidInputException(
                $"--retrieval-lengths {longest}: the model's context is {config.MaxPositions} tokens; choose shorter lengths, " +
                "or --retrieval-items 0");
        }
    }

    /// <summary>
    /// Defaults for a model: the paper's for contexts of 16384 tokens and more, the same shares of shorter ones with half
    /// as many items.
    /// </summary>
    public static CompressionSettings DefaultsFor(ModelConfig config)
    {
        SearchSettings search = SearchSettings.DefaultsFor(config);
        bool paper = search.ProfileLengths.Count == 3;
        return new CompressionSettings
        {
            Search = search,
            ItemsPerLength = paper ? 50 : 24,
            ValidationItems = paper ? 50 : 24,
            MaxAnswerTokens = search.ProfileLengths.Min() / 8,
            RetrievalLengths = [search.ProfileLengths.Max(), search.ExtensionLengths.Max()],
        };
    }
}
