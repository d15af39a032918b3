using System.Collections.Concurrent;
using MoA.Serving.Structured.Automata;

namespace MoA.Serving.Structured.Schemas;

/// <summary>The formats of strings, as patterns: each holds texts that every reading of the format takes.</summary>
internal static class StringFormats
{
    private const string Year = "(?:[1-9][0-9]{3})";
    private const string LeapYear = "(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)";
    private const string Date =
        "(?:" + Year + "-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|" +
        LeapYear + "-02-29)";
    private const string Time = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,7})?(?:Z|[+\\-](?:0[0-9]|1[0-3]):[0-5][0-9])";
    private const string Label = "[A-Za-z0-9](?:[A-Za-z0-9\\-]{0,61}[A-Za-z0-9])?";
    private const string Host = Label + "(?:\\." + Label + "){0,3}";
    private const string Local = "[A-Za-z0-9](?:[A-Za-z0-9_+\\-]{0,28}[A-Za-z0-9])?";
    private const string Byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    private const string Ipv4 = Byte + "(?:\\." + Byte + "){3}";
    private const string Group = "[0-9A-Fa-f]{1,4}";
    private const string Ipv6 =
        "(?:" + Group + ":){7}" + Group + "|(?:" + Group + ":){1,7}:|(?:" + Group + ":){1,6}:" + Group +
        "|(?:" + Group + ":){1,5}(?::" + Group + "){1,2}|(?:" + Group + ":){1,4}(?::" + Group + "){1,3}|(?:" + Group + ":){1,3}(?::" + Group +
        "){1,4}|(?:" + Group + ":){1,2}(?::" + Group + "){1,5}|" + Group + ":(?::" + Group + "){1,6}|:(?::" + Group + "){1,7}|::";
    private const string Hex = "[0-9A-Fa-f]";
    private const string Path = "(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@/]|%" + Hex + Hex + ")*";

    private static readonly Dictionary<string, string> Patterns = new()
    {
        ["date-time"] = Date + "T" + Time,
        ["date"] = Date,
        ["time"] = Time,
        ["duration"] = "P(?:[0-9]{1,6}W|(?:[0-9]{1,6}Y(?:[0-9]{1,6}M(?:[0-9]{1,6}D)?)?|[0-9]{1,6}M(?:[0-9]{1,6}D)?|[0-9]{1,6}D)(?:T" + DurationTime + ")?|T" + DurationTime + ")",
        ["email"] = Local + "(?:\\." + Local + ")?@(?:" + Label + "\\.){1,2}[A-Za-z]{2,20}",
        ["hostname"] = Host,
        ["ipv4"] = Ipv4,
        ["ipv6"] = Ipv6,
        ["uuid"] = Hex + "{8}-" + Hex + "{4}-" + Hex + "{4}-" + Hex + "{4}-" + Hex + "{12}",
        ["uri"] = "[a-z][a-z0-9+\\-.]{0,15}://" + Host + "(?::[1-9][0-9]{0,3})?(?:/" + Path + ")?(?:\\?" + Path + ")?(?:#" + Path + ")?",
    };

    private static readonly ConcurrentDictionary<string, TableTerminal> Compiled = new();

    private const string DurationTime = "(?:[0-9]{1,6}H(?:[0-9]{1,6}M(?:[0-9]{1,6}S)?)?|[0-9]{1,6}M(?:[0-9]{1,6}S)?|[0-9]{1,6}S)";

    /// <summary>The formats that are known.</summary>
    public static IEnumerable<string> Names => Patterns.Keys;

    /// <summary>The JSON strings of a format; null for one that is not known.</summary>
    public static TableTerminal? Find(string format) => Patterns.TryGetValue(format, out string? pattern)
        ? Compiled.GetOrAdd(format, _ => ExpressionAutomaton.OfStrings(ExpressionReader.Read($"^(?:{pattern})$", format), new CompileBudget())!)
        : null;
}
