using System.Globalization;
using System.Text.Json;
using MoA.Benchmarks.Limits;
using Spectre.Console;

namespace MoA.Benchmarks.Roofline;

/// <summary>Prints the rows of a roofline.</summary>
internal static class RooflineReport
{
    private const int WidthOfFile = 120;

    /// <summary>One JSON document: <c>{"threads":…,"rows":[{"kernel":…,"instructionSet":…,"limit":…,"share":…,…}]}</c>.</summary>
    public static void WriteJson(Stream output, RooflineRun run, int threads)
    {
        using Utf8JsonWriter writer = new(output, new JsonWriterOptions { Indented = true });
        writer.WriteStartObject();
        writer.WriteNumber("threads", threads);
        writer.WriteStartArray("rows");
        foreach (RooflineRow row in run.Rows)
        {
            writer.WriteStartObject();
            writer.WriteString("kernel", row.Kernel.Name);
            writer.WriteString("instructionSet", row.Machine.Name);
            writer.WriteString("limit", row.Kernel.Limit == Limit.MultiplyAdd ? "fma" : "bandwidth");
            writer.WriteNumber("share", Math.Round(row.Share, 4));
            writer.WriteNumber("gigaflopsPerSecond", Math.Round(row.FlopsPerSecond / 1e9, 2));
            writer.WriteNumber("gigabytesPerSecond", Math.Round(row.BytesPerSecond / 1e9, 2));
            writer.WriteNumber(
                row.Kernel.Limit == Limit.MultiplyAdd ? "peakGigaflopsPerSecond" : "peakGigabytesPerSecond",
                Math.Round(row.Peak / 1e9, 2));
            if (row.TimePerBlockToDense is double ratio)
                writer.WriteNumber("timePerBlockToDense", Math.Round(ratio, 4));
            writer.WriteNumber("rounds", row.Rounds);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>A table for people.</summary>
    public static void WriteTable(IAnsiConsole console, RooflineRun run)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("kernel", "set", "limit");
        foreach (string heading in new[] { "GFLOP/s", "GB/s", "limit's rate", "share", "block / dense" })
            table.AddColumn(heading, column => column.RightAligned());
        foreach (RooflineRow row in run.Rows)
        {
            bool arithmetic = row.Kernel.Limit == Limit.MultiplyAdd;
            table.AddRow(
                row.Kernel.Name, row.Machine.Name, arithmetic ? "fma" : "bandwidth", Number(row.FlopsPerSecond / 1e9, "F1"),
                Number(row.BytesPerSecond / 1e9, "F1"), Number(row.Peak / 1e9, "F1") + (arithmetic ? " GFLOP/s" : " GB/s"),
                Number(100 * row.Share, "F0") + "%", row.TimePerBlockToDense is double ratio ? Number(ratio, "F2") : "");
        }

        if (!console.Profile.Out.IsTerminal)
            console.Profile.Width = WidthOfFile;
        console.Write(table);
    }

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
