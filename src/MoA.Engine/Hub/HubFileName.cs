using System.Buffers;
using System.Text;

namespace MoA.Engine.Hub;

/// <summary>Names of files as a server or a person gives them: what may become a path below a folder, on every system.</summary>
internal static class HubFileName
{
    private const int LongestPart = 255;
    private const int Longest = 1024;

    private static readonly SearchValues<char> Forbidden = SearchValues.Create("\\:*?\"<>|");

    private static readonly string[] Devices =
        ["CON", "PRN", "AUX", "NUL", .. "123456789".SelectMany(digit => new[] { $"COM{digit}", $"LPT{digit}" })];

    /// <summary>Whether a name stays below its folder and can be a file's: parts with / between them, none of them empty or a step up.</summary>
    public static bool IsSafe(string name) => name.Length <= Longest && name.Split('/').All(IsSafePart);

    /// <summary>The path of a file below a folder.</summary>
    public static string Below(string folder, string name) => Path.Combine([folder, .. name.Split('/')]);

    private static bool IsSafePart(string part) =>
        part.Length > 0 && part is not ("." or "..") && Encoding.UTF8.GetByteCount(part) <= LongestPart &&
        !part.AsSpan().ContainsAny(Forbidden) && !part.Any(letter => char.IsControl(letter) || char.IsSurrogate(letter) || letter is '\u2028' or '\u2029') &&
        part[0] != ' ' && part[^1] is not (' ' or '.') && !Devices.Contains(part.Split('.')[0], StringComparer.OrdinalIgnoreCase);
}
