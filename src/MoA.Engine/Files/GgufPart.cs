using System.Globalization;

namespace MoA.Engine.Files;

/// <summary>The name of one part of a GGUF model: <c>NAME-00001-of-00003.gguf</c>.</summary>
/// <param name="Whole">What all parts have in common: the path without number, count and extension.</param>
/// <param name="Number">Which part it is, from 1.</param>
/// <param name="Count">How many there are.</param>
internal readonly record struct GgufPart(string Whole, int Number, int Count)
{
    private const string Between = "-of-";
    private const int Digits = 5;

    /// <summary>Reads a file's name; null if it is not that of a part.</summary>
    public static GgufPart? Of(string file)
    {
        const int end = 1 + Digits + 4 + Digits; // -00001-of-00003
        int stem = file.Length - ModelPath.GgufExtension.Length - end;
        if (stem < 1 || !file.EndsWith(ModelPath.GgufExtension, StringComparison.OrdinalIgnoreCase))
            return null;
        ReadOnlySpan<char> parts = file.AsSpan(stem, end);
        return parts[0] == '-' && parts[(1 + Digits)..].StartsWith(Between) && Read(parts[1..(1 + Digits)]) is int number &&
            Read(parts[^Digits..]) is int count
            ? new GgufPart(file[..stem], number, count)
            : null;
    }

    private static int? Read(ReadOnlySpan<char> digits) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
}
