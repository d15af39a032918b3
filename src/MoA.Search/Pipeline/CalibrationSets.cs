using MoA.Engine;
using MoA.Search.Calibration;

namespace MoA.Search.Pipeline;

/// <summary>The items of a search.</summary>
/// <param name="Calibration">To profile on.</param>
/// <param name="Validation">To compare plans on; none of them is profiled.</param>
internal sealed record CalibrationSets(IReadOnlyList<EncodedItem> Calibration, IReadOnlyList<EncodedItem> Validation)
{
    /// <summary>Whether the model wrote the answers of conversations itself.</summary>
    public bool OwnAnswers { get; init; }

    /// <summary>What was left out of each data file.</summary>
    public IReadOnlyList<SkippedItems> Skipped { get; init; } = [];

    /// <summary>Drops validation items that are also profiled: two files may hold the same ones.</summary>
    /// <param name="file">What the validation items come from, for the message.</param>
    /// <exception cref="InvalidInputException">None is left.</exception>
    internal CalibrationSets WithoutSharedItems(string file)
    {
        HashSet<string> profiled = [.. Calibration.Select(item => string.Join(',', item.Tokens))];
        EncodedItem[] unseen = [.. Validation.Where(item => !profiled.Contains(string.Join(',', item.Tokens)))];
        return unseen.Length > 0
            ? this with { Validation = unseen }
            : throw new InvalidInputException(
                $"{file}: no item is left to validate on; add items, or give others with --validation-data");
    }
}
