using System.Globalization;

namespace MoA.Search.Calibration;

/// <summary>Items of a data file that fit none of the lengths, neither alone nor packed or cut, and so were left out.</summary>
/// <param name="File">The file.</param>
/// <param name="Items">Different items of the file.</param>
/// <param name="Lengths">The lengths, in rising order.</param>
/// <param name="Tokens">The lengths in tokens of what was left out, in rising order.</param>
public sealed record SkippedItems(string File, int Items, IReadOnlyList<int> Lengths, IReadOnlyList<int> Tokens)
{
    /// <summary>One line that says how many, of how many and why; null if there are none.</summary>
    public string? Describe()
    {
        if (Tokens.Count == 0)
            return null;
        string range = Tokens[0] == Tokens[^1] ? $"{Tokens[0]}" : $"{Tokens[0]} to {Tokens[^1]}";
        return string.Create(CultureInfo.InvariantCulture,
            $"{File}: {Tokens.Count} of {Items} items fit none of the lengths {string.Join(", ", Lengths)} and were left out ({range} tokens)");
    }

    /// <summary>Counts what a packer has left.</summary>
    /// <param name="file">The file.</param>
    /// <param name="packer">What is left of it.</param>
    /// <param name="lengths">Target lengths.</param>
    /// <param name="full">Whether every target got what it wanted, so that short conversations may be left without being too short.</param>
    internal static SkippedItems Of(string file, LengthPacker packer, IReadOnlyList<int> lengths, bool full)
    {
        int[] skipped =
        [
            .. from entry in packer.Left
               where !lengths.Any(length => packer.Suits(entry.Item, entry.Tokens, length))
               where !(full && LengthPacker.IsPart(entry.Item) && entry.Tokens - 1 <= lengths.Max())
               orderby entry.Tokens
               select entry.Tokens - 1,
        ];
        return new SkippedItems(file, packer.Items, [.. lengths.Distinct().Order()], skipped);
    }
}
