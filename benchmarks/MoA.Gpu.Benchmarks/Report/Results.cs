using System.Text.Json;
using MoA.Engine;

namespace MoA.Gpu.Benchmarks.Report;

/// <summary>Joins what the parts of a run have written: <c>results.json</c> and <c>table.md</c>.</summary>
internal static class Results
{
    private const string Prefix = "results-", ResultsFile = "results.json", TableFile = "table.md", PeersFile = "peers.json";

    /// <summary>The file of a part.</summary>
    public static string FileOf(string part) => $"{Prefix}{part}.json";

    /// <summary>Writes both, with the peers' figures where there are some, and the table on standard output.</summary>
    /// <exception cref="InvalidInputException">There are no results.</exception>
    public static void Join(string folder)
    {
        string[] files = Directory.Exists(folder)
            ? [.. Directory.EnumerateFiles(folder, $"{Prefix}*.json").OrderBy(File.GetLastWriteTimeUtc)]
            : [];
        if (files.Length == 0)
            throw new InvalidInputException($"{folder}: expected {Prefix}PART.json, which runs of parts write");
        JsonDocument[] documents = [.. files.Select(Read)];
        JsonElement[] parts = [.. documents.Select(document => document.RootElement)];
        using (FileStream file = File.Create(Path.Combine(folder, ResultsFile)))
        using (Utf8JsonWriter writer = new(file, new JsonWriterOptions { Indented = true }))
            Write(writer, parts);
        string peers = Path.Combine(folder, PeersFile);
        using JsonDocument? others = File.Exists(peers) ? Read(peers) : null;
        string text = ResultTable.Text(parts, others?.RootElement);
        File.WriteAllText(Path.Combine(folder, TableFile), text);
        Console.Write(text);
        foreach (JsonDocument document in documents)
            document.Dispose();
    }

    private static JsonDocument Read(string path) => JsonDocument.Parse(File.ReadAllBytes(path));

    private static void Write(Utf8JsonWriter writer, JsonElement[] parts)
    {
        writer.WriteStartObject();
        writer.WriteString("format", "moa-gpu-card/1");
        writer.WriteStartArray("parts");
        foreach (JsonElement part in parts)
            part.WriteTo(writer);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
