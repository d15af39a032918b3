using MoA.Search.Calibration;

namespace MoA.Search.Tests.Calibration;

/// <summary>Token counters that stand in for tokenizers.</summary>
internal static class Counters
{
    public static int QuarterCharacters(string text) => (text.Length + 3) / 4;

    public static int Words(string text) => text.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Length;

    public static int Characters(string text) => text.Length;

    public static TokenCounter Of(string name) => new(name switch
    {
        "quarter characters" => QuarterCharacters,
        "words" => Words,
        _ => Characters,
    });
}
