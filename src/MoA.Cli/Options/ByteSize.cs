using MoA.Engine;

namespace MoA.Cli.Options;

/// <summary>Reads amounts of memory.</summary>
internal static class ByteSize
{
    /// <summary>Bytes of a size such as <c>1500MiB</c>, <c>4GiB</c> or <c>1.5GiB</c>.</summary>
    public static long Parse(string option, string text)
    {
        (int shift, string number) = text switch
        {
            _ when text.EndsWith("MiB", StringComparison.OrdinalIgnoreCase) => (20, text[..^3]),
            _ when text.EndsWith("GiB", StringComparison.OrdinalIgnoreCase) => (30, text[..^3]),
            _ => (0, ""),
        };
        return NumberText.TryDecimal(number, out double value) && value * (1L << shift) >= 1 && value < long.MaxValue >> shift
            ? (long)(value * (1L << shift))
            : throw new InvalidInputException($"{option} {text}: expected a size above 0 such as 1500MiB or 4GiB");
    }
}
