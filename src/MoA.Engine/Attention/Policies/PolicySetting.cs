using System.Globalization;

namespace MoA.Engine.Attention.Policies;

/// <summary>One setting of a policy: its key, what it may be, and what it means.</summary>
/// <param name="Key">The word before the equals sign.</param>
/// <param name="Values">What may stand after it, in words.</param>
/// <param name="Help">What it means.</param>
internal sealed record PolicySetting(string Key, string Values, string Help)
{
    /// <summary>A share of the sequence.</summary>
    internal static readonly PolicySetting Density = new("density", "a density above 0 and up to 1", "share of the sequence that a head keeps") { IsSize = true };

    /// <summary>A number of tokens.</summary>
    internal static readonly PolicySetting Span = new("span", "a span in tokens, at least 1", "tokens that a head keeps, at any length") { IsSize = true };

    /// <summary>Whether it says how much is kept, so that no other size may be given.</summary>
    public bool IsSize { get; init; }

    /// <summary>Whether it is a path, which may hold equals signs and says nothing about what the file holds.</summary>
    public bool IsPath { get; init; }

    /// <summary>The least number; unused for words and paths.</summary>
    public double Least { get; init; }

    /// <summary>The largest number.</summary>
    public double Most { get; init; }

    /// <summary>The words that it may be, the first where none is given; empty for numbers and paths.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <summary>A number within bounds, both included.</summary>
    internal static PolicySetting Number(string key, double least, double most, string help) =>
        new(key, string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}"), help) { Least = least, Most = most };

    /// <summary>A whole number within bounds, both included.</summary>
    internal static PolicySetting Whole(string key, int least, int most, string help) =>
        new(key, $"a whole number from {least} to {most}", help) { Least = least, Most = most };

    /// <summary>One of some words.</summary>
    internal static PolicySetting Word(string key, string help, params string[] words) => new(key, string.Join(" or ", words), help) { Words = words };

    /// <summary>A file or folder.</summary>
    internal static PolicySetting Path(string key, string help) => new(key, "a path", help) { IsPath = true };
}
