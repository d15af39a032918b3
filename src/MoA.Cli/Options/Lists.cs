using MoA.Engine;

namespace MoA.Cli.Options;

/// <summary>Reads comma-separated values of options.</summary>
internal static class Lists
{
    /// <summary>Lengths in tokens such as <c>512,1024,2048</c>, sorted, without repetitions.</summary>
    public static int[] Lengths(string option, string text) => [.. text.Split(',').Select(part => Length(option, part, text)).Distinct().Order()];

    /// <summary>Numbers of sequences such as <c>1,8</c>, sorted, without repetitions.</summary>
    public static int[] Batches(string option, string text) =>
        [.. text.Split(',').Select(part => Whole(part, 1, 4096) ??
            throw new InvalidInputException($"{option} {text}: '{part}' is no batch; expected sequences from 1 to 4096, as in 1,8")).Distinct().Order()];

    /// <summary>Densities at lengths such as <c>512=0.6,2048=0.4</c>.</summary>
    public static Dictionary<int, double> DensitiesAt(string option, string text)
    {
        Dictionary<int, double> densities = [];
        foreach (string part in text.Split(','))
        {
            string[] sides = part.Split('=');
            if (sides.Length != 2 || !densities.TryAdd(Length(option, sides[0], text), Density(option, sides[1], text)))
                throw new InvalidInputException($"{option} {text}: expected each length once, as in 512=0.6,2048=0.4");
        }

        return densities;
    }

    /// <summary>Densities such as <c>0.25,0.5</c>, in their order.</summary>
    public static double[] Densities(string option, string text) =>
        [.. text.Split(',').Select(part => Density(option, part, text))];

    /// <summary>A density above 0 and up to 1.</summary>
    public static double Density(string option, string text) => Density(option, text, text);

    private static double Density(string option, string part, string text) =>
        NumberText.TryDecimal(part, out double value) && value is > 0 and <= 1
            ? value
            : throw new InvalidInputException(
                $"{option} {text}: {(part == text ? "" : $"'{part}' is no density; ")}expected a density above 0 and up to 1, such as 0.5");

    private static int Length(string option, string part, string text) =>
        Whole(part, 64, 1 << 24) ??
            throw new InvalidInputException($"{option} {text}: '{part}' is no length; expected tokens from 64 to 16777216, as in 512,1024");

    private static int? Whole(string part, int least, int most) =>
        NumberText.TryWhole(part, out int value) && value >= least && value <= most ? value : null;
}
