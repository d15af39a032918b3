using MoA.Engine;
using MoA.Search.Calibration;

namespace MoA.Search.Pipeline;

/// <summary>The items of a search.</summary>
/// <param name="Calibration">To profile on.</param>
/// <param name="Validation">To compare plans on; none of them is profiled.</param>
public sealed record CalibrationSets(IReadOnlyList<EncodedItem> Calibration, IReadOnlyList<EncodedItem> Validation)
{
    /// <summary>Drops validation items whose source was also taken for profiling, when both came from one file.</summary>
    /// <exception cref="InvalidInputException">None is left.</exception>
    internal CalibrationSets WithoutSharedItems(string file)
    {
        HashSet<string> profiled = [.. Calibration.Select(item => item.Item.Origin)];
        EncodedItem[] unseen = [.. Validation.Where(item => !profiled.Contains(item.Item.Origin))];
        return unseen.Length > 0
            ? this with { Validation = unseen }
            : throw new InvalidInputException(
                $"{file}: no item is left to validate on; add items, or give others with --validation-data");
    }
}
