using System.Text.Json;
using MoA.Evaluation.Benchmarking;
using Spectre.Console;

namespace MoA.Cli.Output;

/// <summary>Where the time of a step goes, operation by operation, as a table or an object.</summary>
internal static class ProfileOutput
{
    private static readonly (string Heading, Func<OperationProfile, PassProfile, string> Cell)[] Columns =
    [
        ("operation", (one, _) => one.Operation),
        ("jobs", (one, _) => Number($"{one.Jobs:0.#}")),
        ("ms", (one, _) => Milliseconds(one.Seconds)),
        ("of step", (one, all) => Percent(one.Seconds / all.Step.Seconds)),
        ("kernels, ms", (one, _) => Milliseconds(one.KernelSeconds)),
        ("starting", (one, _) => Milliseconds(one.StartSeconds)),
        ("ending", (one, _) => Milliseconds(one.EndSeconds)),
        ("serial", (one, _) => Milliseconds(one.SerialSeconds)),
        ("MB", (one, _) => one.Bytes == 0 ? "-" : Number($"{one.Bytes / 1e6:N2}")),
        ("reading, ms", (one, all) => one.Bytes == 0 ? "-" : Milliseconds(all.ReadSeconds(one))),
        ("GB/s", (one, _) => one.Bytes == 0 ? "-" : Number($"{one.BytesPerSecond / 1e9:F1}")),
        ("of bandwidth", (one, all) => one.Bytes == 0 ? "-" : Percent(all.BandwidthShare(one))),
        ("GFLOP/s", (one, _) => one.Flop == 0 ? "-" : Number($"{one.FlopPerSecond / 1e9:F1}")),
    ];

    /// <summary>Writes a row's tables.</summary>
    public static void WriteTables(IAnsiConsole console, TextWriter output, BenchmarkRow row, int threads)
    {
        Write(row.PrefillProfile, $"reading a prompt of {row.Length} tokens");
        Write(row.DecodeProfile, "a decode step");

        void Write(PassProfile? profile, string what)
        {
            if (profile is null)
                return;
            output.WriteLine();
            output.WriteLine(Number(
                $"{row.Policy.Label}, {row.Batch} × {row.Length}: {what} on {threads} {(threads == 1 ? "thread" : "threads")}, mean of {profile.Steps}; {profile.BandwidthBytesPerSecond / 1e9:F1} GB/s beside it"));
            Table table = new() { Border = TableBorder.Simple };
            foreach ((string heading, _) in Columns)
                table.AddColumn(new TableColumn(heading) { Alignment = heading == "operation" ? Justify.Left : Justify.Right, NoWrap = true });
            foreach (OperationProfile one in profile.Operations.Append(profile.Step))
                table.AddRow([.. Columns.Select(column => Markup.Escape(column.Cell(one, profile)))]);
            console.Write(table);
        }
    }

    /// <summary>Writes a profile as a member of a row.</summary>
    public static void WriteJson(Utf8JsonWriter writer, string name, PassProfile? profile)
    {
        if (profile is null)
        {
            writer.WriteNull(name);
            return;
        }

        writer.WriteStartObject(name);
        writer.WriteNumber("steps", profile.Steps);
        writer.WriteNumber("bandwidthBytesPerSecond", profile.BandwidthBytesPerSecond);
        WriteMembers(writer, profile.Step, profile);
        writer.WriteObjects("operations", profile.Operations, (_, one) =>
        {
            writer.WriteString("operation", one.Operation);
            WriteMembers(writer, one, profile);
        });
        writer.WriteEndObject();
    }

    private static void WriteMembers(Utf8JsonWriter writer, OperationProfile one, PassProfile all)
    {
        writer.WriteNumber("jobs", one.Jobs);
        writer.WriteNumber("seconds", one.Seconds);
        writer.WriteNumber("share", one.Seconds / all.Step.Seconds);
        writer.WriteNumber("kernelSeconds", one.KernelSeconds);
        writer.WriteNumber("startSeconds", one.StartSeconds);
        writer.WriteNumber("endSeconds", one.EndSeconds);
        writer.WriteNumber("serialSeconds", one.SerialSeconds);
        writer.WriteNumber("bytes", one.Bytes);
        writer.WriteNumber("bytesPerSecond", one.BytesPerSecond);
        writer.WriteNumber("bandwidthShare", all.BandwidthShare(one));
        writer.WriteNumber("flop", one.Flop);
        writer.WriteNumber("flopPerSecond", one.FlopPerSecond);
    }

    private static string Milliseconds(double seconds) => Number($"{1000 * seconds:F3}");

    private static string Percent(double share) => Number($"{100 * share:F1} %");

    private static string Number(FormattableString text) => FormattableString.Invariant(text);
}
