using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace MoA.Benchmarks.PlanSearch;

/// <summary>Prints what the search gave.</summary>
internal static class SearchReport
{
    private const int WidthOfFile = 120;

    /// <summary>One JSON document: <c>{"rows":[{"instance":…,"maxRulesPerLayer":…,"length":…,"loss":…,…}]}</c>.</summary>
    public static void WriteJson(Stream output, IReadOnlyList<SearchRow> rows)
    {
        using Utf8JsonWriter writer = new(output, new JsonWriterOptions { Indented = true });
        writer.WriteStartObject();
        writer.WriteStartArray("rows");
        foreach (SearchRow row in rows)
        {
            writer.WriteStartObject();
            writer.WriteString("instance", row.Instance);
            writer.WriteString("maxRulesPerLayer", row.MaxRules);
            writer.WriteNumber("length", row.Length);
            WriteNumber(writer, "loss", row.Loss);
            WriteNumber(writer, "lowerBound", row.LowerBound);
            WriteNumber(writer, "relativeGap", row.Gap);
            writer.WriteNumber("seconds", Math.Round(row.Seconds, 3));
            writer.WriteNumber("userSeconds", Math.Round(row.ProcessorSeconds, 3));
            if (row.Programmes > 0)
            {
                writer.WriteNumber("programmes", row.Programmes);
                writer.WriteNumber("plans", row.Plans);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    // Without a plan they are infinite, which JSON cannot say.
    private static void WriteNumber(Utf8JsonWriter writer, string name, double value)
    {
        if (double.IsFinite(value))
            writer.WriteNumber(name, value);
        else
            writer.WriteNull(name);
    }

    /// <summary>A table for people.</summary>
    public static void WriteTable(IAnsiConsole console, IReadOnlyList<SearchRow> rows)
    {
        bool sweeps = rows.Any(row => row.Programmes > 0);
        Table table = new Table().Border(TableBorder.Simple).AddColumns("instance", "K");
        foreach (string heading in new[] { "length", "loss", "bound", "gap", "seconds", "user s" })
            table.AddColumn(heading, column => column.RightAligned());
        if (sweeps)
            table.AddColumn("programmes", column => column.RightAligned()).AddColumn("plans", column => column.RightAligned());
        foreach (SearchRow row in rows)
        {
            List<string> cells =
            [
                row.Instance, row.MaxRules, Number(row.Length, "F0"), Number(row.Loss, "G7"), Number(row.LowerBound, "G7"),
                Number(row.Gap, "0.0E+0"), Number(row.Seconds, "F2"), Number(row.ProcessorSeconds, "F2"),
            ];
            if (sweeps)
                cells.AddRange([Number(row.Programmes, "F0"), Number(row.Plans, "F0")]);
            table.AddRow([.. cells]);
        }

        if (!console.Profile.Out.IsTerminal)
            console.Profile.Width = WidthOfFile;
        console.Write(table);
    }

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
