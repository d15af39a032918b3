using System.Globalization;
using System.Text;
using System.Text.Json;

namespace MoA.Gpu.Benchmarks.Report;

/// <summary>The results of all parts for people.</summary>
public static class ResultTable
{
    /// <summary>The table.</summary>
    /// <param name="parts">What <see cref="ResultLog"/> wrote.</param>
    /// <param name="peers">What peers.py wrote; null without it.</param>
    public static string Text(JsonElement[] parts, JsonElement? peers)
    {
        StringBuilder text = new();
        JsonElement opened = parts.FirstOrDefault(part => String(part, "backend").Length > 0, parts[0]);
        Line($"# {String(opened, "device")}");
        Line();
        Line(String(opened, "backend").Length > 0
            ? $"{String(opened, "backend")}; {string.Join(", ", parts.Select(Duration))}."
            : "Nothing has run.");
        JsonElement[] rows = [.. parts.SelectMany(part => part.GetProperty("rows").EnumerateArray()).GroupBy(row => (String(row, "part"), String(row, "name"))).Select(same => same.Last())];
        JsonElement[] compared = [.. rows.Where(row => Bool(row, "holds") is not null)], failed = [.. compared.Where(row => Bool(row, "holds") is false)];
        Line($"{compared.Length - failed.Length} of {compared.Length} comparisons hold{(compared.Length == 0 ? ": none was made" : "")}.");
        Targets(Line, rows, peers);
        foreach (IGrouping<string, JsonElement> part in rows.GroupBy(row => String(row, "part")))
        {
            Line();
            Line($"## {part.Key}");
            Line();
            foreach (JsonElement row in part)
                Line($"- {(Bool(row, "holds") is false ? "**differs** " : "")}{String(row, "name")}: {Figures(row)}");
        }

        if (peers is JsonElement peer)
        {
            Line();
            Line("## PyTorch");
            Line();
            foreach (JsonElement row in peer.GetProperty("rows").EnumerateArray())
                Line($"- {String(row, "peer")}, {Figure(row, "prompt")}+{Figure(row, "generated")}: {Figures(row, "peer", "prompt", "generated")}");
        }

        IEnumerable<JsonElement> skipped = parts.SelectMany(part => part.GetProperty("skipped").EnumerateArray())
            .Concat(peers is JsonElement given ? given.GetProperty("skipped").EnumerateArray() : []);
        foreach ((JsonElement one, int index) in skipped.Select((one, index) => (one, index)))
        {
            if (index == 0)
            {
                Line();
                Line("## Left out");
                Line();
            }

            Line($"- {String(one, "what")}: {String(one, "why")}");
        }

        return text.ToString();

        void Line(string line = "") => text.Append(line).Append('\n');
    }

    private static string Duration(JsonElement part) =>
        $"{String(part, "part")} {(Bool(part, "ended") is true ? $"{Figure(part, "seconds")} s" : "cut off")} of {Figure(part, "budgetSeconds")} s";

    // The paper's headline: what is asked for, and what was found.
    private static void Targets(Action<string> line, JsonElement[] rows, JsonElement? peers)
    {
        List<string> lines = [];
        foreach (JsonElement moa in Protocol(rows, "moa"))
        {
            Against(moa, Protocol(rows, "dense"), "our own dense attention", 1.9);
            Against(moa, Protocol(rows, "streaming-llm"), "StreamingLLM of equal density", 1.16);
            Against(moa, peers is JsonElement other ? Peer(other, "hf-dense") : [], "PyTorch as Hugging Face runs it", 8.2);
            Against(moa, peers is JsonElement second ? Peer(second, "streaming-llm") : [], "StreamingLLM in PyTorch", null);
        }

        foreach (JsonElement row in rows.Where(row => row.TryGetProperty("target", out _)))
        {
            string key = row.TryGetProperty("shareOfMatrixRate", out _) ? "shareOfMatrixRate" : "shareOfCopying";
            lines.Add($"| {String(row, "name")}, {key} | {Figure(row, key)} | {Figure(row, "target")} |");
        }

        lines.AddRange(rows.Where(row => row.TryGetProperty("ratio", out _)).Select(row => $"| {String(row, "name")}, dense / moa | {Figure(row, "ratio")} | 1.2 to 1.4 |"));
        if (lines.Count == 0)
            return;
        line("");
        line("| | found | asked for |");
        line("| --- | ---: | ---: |");
        lines.ForEach(line);

        void Against(JsonElement moa, IEnumerable<JsonElement> others, string name, double? target)
        {
            foreach (JsonElement other in others.Where(other => Number(other, "prompt") == Number(moa, "prompt")))
            {
                double? theirs = Number(other, "tokensPerSecond") ?? Number(other, "decodeTokensPerSecond");
                if (Number(moa, "tokensPerSecond") is double ours && theirs is double found)
                    lines.Add($"| {Figure(moa, "prompt")}+{Figure(moa, "generated")}: decode against {name} | {Round(ours / found)} | {(target is double asked ? Round(asked) : "-")} |");
            }
        }
    }

    private static IEnumerable<JsonElement> Protocol(JsonElement[] rows, string policy) =>
        rows.Where(row => String(row, "part") == "protocol" && row.TryGetProperty("policy", out JsonElement name) && name.GetString() == policy);

    // The rows at the largest batch come before those at an equal one.
    private static IEnumerable<JsonElement> Peer(JsonElement peers, string name) => peers.GetProperty("rows").EnumerateArray()
        .Where(row => String(row, "peer") == name && Number(row, "decodeTokensPerSecond") is not null)
        .GroupBy(row => Number(row, "prompt")).Select(group => group.First());

    private static string Figures(JsonElement row, params string[] others) => string.Join(", ", row.EnumerateObject()
        .Where(member => member.Name is not ("part" or "name" or "holds" or "policy" or "where") && !others.Contains(member.Name) && member.Value.ValueKind != JsonValueKind.Null)
        .Select(member => $"{member.Name} {Text(member.Value)}"));

    private static string Text(JsonElement value) => value.ValueKind == JsonValueKind.Number ? Round(value.GetDouble()) : value.ToString();

    private static string Figure(JsonElement row, string name) => Number(row, name) is double number ? Round(number) : "-";

    private static double? Number(JsonElement row, string name) =>
        row.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    private static bool? Bool(JsonElement row, string name) => row.TryGetProperty(name, out JsonElement value) ? value.ValueKind == JsonValueKind.True : null;

    private static string String(JsonElement row, string name) => row.TryGetProperty(name, out JsonElement value) ? value.ToString() : "";

    private static string Round(double number) => Math.Abs(number) switch
    {
        0 => "0",
        >= 1e9 => (number / 1e9).ToString("0.00", CultureInfo.InvariantCulture) + "e9",
        >= 100 => number.ToString("N0", CultureInfo.InvariantCulture),
        _ => number.ToString("G3", CultureInfo.InvariantCulture),
    };
}
