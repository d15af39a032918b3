using System.Globalization;
using MoA.Engine;

namespace MoA.Cli.Options;

/// <summary>Reads comma-separated values of options.</summary>
internal static class Lists
{
    /// <summary>Lengths in tokens such as <c>512,1024,2048</c>, sorted, without repetitions.</summary>
    public static int[] Lengths(string option, string text)
    {
        int[] lengths = [.. Parts(text).Select(part => Length(option, part, text)).Distinct().Order()];
        return lengths.Length > 0
            ? lengths
            : throw new InvalidInputException($"{option} is empty: expected lengths in tokens such as 512,1024");
    }

    /// <summary>Densities at lengths such as <c>512=0.6,2048=0.4</c>.</summary>
    public static Dictionary<int, double> DensitiesAt(string option, string text)
    {
        Dictionary<int, double> densities = [];
        foreach (string part in Parts(text))
        {
            string[] sides = part.Split('=');
            if (sides.Length != 2 || !densities.TryAdd(Length(option, sides[0], text), Density(option, sides[1])))
                throw new InvalidInputException($"{option} {text}: expected each length once, as in 512=0.6,2048=0.4");
        }

        return densities;
    }

    /// <summary>A density above 0 and up to 1.</summary>
    public static double Density(string option, string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value is > 0 and <= 1
            ? value
            : throw new InvalidInputException($"{option} {text}: expected a density above 0 and up to 1, such as 0.5");

    private static int Length(string option, string part, string text) =>
        int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value is >= 64 and <= 1 << 24
            ? value
            : throw new InvalidInputException(
                $"{option} {text}: '{part}' is no length; expected tokens from 64 to 16777216, as in 512,1024");

    private static string[] Parts(string text) =>
        text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
