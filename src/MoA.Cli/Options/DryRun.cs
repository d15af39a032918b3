using System.CommandLine;
using System.Globalization;
using MoA.Cli.Output;
using MoA.Evaluation.Estimates;

namespace MoA.Cli.Options;

/// <summary>What a long command would take and write, instead of running it.</summary>
internal static class DryRun
{
    public static Option<bool> Option { get; } = new("--dry-run")
    {
        Description = "Says what memory and time the run would take and what it would write, and writes nothing",
    };

    public static bool Asked(CommandContext context) => context.Get(Option);

    public static void Show(CommandContext context, RunEstimate estimate)
    {
        if (context.Json)
            WriteJson(context, estimate);
        else
            WriteText(context, estimate);
    }

    private static void WriteText(CommandContext context, RunEstimate estimate)
    {
        TextWriter output = context.Output;
        output.WriteLine($"memory  {Size(estimate.Bytes)} at most: {string.Join(", ", estimate.Memory.Select(part => $"{part.Part} {Size(part.Bytes)}"))}");
        string time = estimate.Seconds is double seconds ? seconds < 1 ? Duration(seconds) : $"about {Duration(seconds)}" : "not known beforehand";
        output.WriteLine($"time    {time}{(estimate.Seconds is not null && estimate.Times.Any(step => step.Seconds is null) ? ", and what is not known beforehand" : "")}");
        foreach (EstimatedTime step in estimate.Times)
            output.WriteLine($"        {step.Step}: {(step.Seconds is double known ? Duration(known) : "?")} ({step.Note})");
        output.WriteLine($"basis   {estimate.Basis}");
        output.WriteLine($"writes  {(estimate.Files.Count == 0 ? "nothing" : string.Join($"{Environment.NewLine}        ", estimate.Files))}");
    }

    private static void WriteJson(CommandContext context, RunEstimate estimate) => context.WriteJson(writer =>
    {
        writer.WriteBoolean("dryRun", true);
        writer.WriteNumber("bytes", estimate.Bytes);
        writer.WriteObjects("memory", estimate.Memory, static (writer, part) =>
        {
            writer.WriteString("part", part.Part);
            writer.WriteNumber("bytes", part.Bytes);
        });
        WriteSeconds("seconds", estimate.Seconds);
        writer.WriteObjects("steps", estimate.Times, (_, step) =>
        {
            writer.WriteString("step", step.Step);
            WriteSeconds("seconds", step.Seconds);
            writer.WriteString("note", step.Note);
        });
        writer.WriteString("basis", estimate.Basis);
        writer.WriteStartArray("writes");
        foreach (string file in estimate.Files)
            writer.WriteStringValue(file);
        writer.WriteEndArray();

        void WriteSeconds(string name, double? seconds)
        {
            if (seconds is double known)
                writer.WriteNumber(name, Math.Round(known, 3));
            else
                writer.WriteNull(name);
        }
    });

    private static string Size(long bytes) => bytes < 1L << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.#} MiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1073741824.0:0.0} GiB");

    private static string Duration(double seconds) => seconds switch
    {
        < 1 => "under 1 s",
        < 100 => string.Create(CultureInfo.InvariantCulture, $"{seconds:0} s"),
        < 6000 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:0} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:0.0} h"),
    };
}
