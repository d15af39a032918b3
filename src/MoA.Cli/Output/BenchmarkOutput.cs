using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Evaluation.Benchmarking;
using Spectre.Console;

namespace MoA.Cli.Output;

/// <summary>What <c>moa bench</c> measured, as a table or a document.</summary>
/// <param name="model">The model.</param>
/// <param name="settings">What was asked for.</param>
/// <param name="rows">What was measured.</param>
/// <param name="energySource">What counted the joules; null where nothing did.</param>
/// <param name="whyNoMeter">Why nothing counts them.</param>
internal sealed class BenchmarkOutput(
    LanguageModel model, BenchmarkSettings settings, IReadOnlyList<BenchmarkRow> rows, string? energySource, string? whyNoMeter)
{
    private static readonly (string Heading, Func<BenchmarkRow, string> Cell)[] LargestBatchColumns = [("reckoned, MiB", row => MiB(row.ReckonedBytes))];

    private static readonly (string Heading, Func<BenchmarkRow, string> Cell)[] PrefillColumns =
        [("prefill kept", row => row.PrefillKeptShare is double share ? Number($"{share:F3}") : "-")];

    private static readonly (string Heading, Func<BenchmarkRow, string> Cell)[] ReadingColumns =
        [("prompt read", row => ReadsTwice(row) ? "twice" : "once")];

    private static readonly (string Heading, Func<BenchmarkRow, string> Cell)[] SamplingColumns =
    [
        ("drawing, ms/token", row => Figure(row.DrawMillisecondsPerToken)),
        ("decode and draw, tokens/s", row => Figure(row.SampledTokensPerSecond)),
    ];

    private string WeightFormats => string.Join(", ", model.Loaded.Weights.ElementTypes.Select(type => type.Name()));

    // The second reading is in the first step, and so in the time of decoding.
    private static bool ReadsTwice(BenchmarkRow row) => row.Policy.Policy is EvictionPolicy { Scorer.ReadsTwice: true };

    private string? WhyNoEnergy => whyNoMeter ?? rows.Select(row => row.WhyNoEnergy).FirstOrDefault(reason => reason is not null);

    public void WriteTable(CommandContext context)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(context.Output) });
        if (!console.Profile.Out.IsTerminal)
            console.Profile.Width = 240; // a file has no margin to wrap at
        context.Output.WriteLine(
            $"{model.Name}: weights {WeightFormats}, KV {settings.CacheType.Name()}, {model.Transformer.Backend.Description}; " +
            $"{settings.DecodeTokens} decode steps, {settings.Repeats} repeats, median (least to most)");
        (string Heading, Func<BenchmarkRow, string> Cell)[] columns =
        [
            ("policy", row => row.Policy.Label),
            ("length", row => Number($"{row.Length}")),
            ("batch", row => Number($"{row.Batch}")),
            ("prefill, tokens/s", row => Figure(row.PrefillTokensPerSecond)),
            .. rows.Any(row => row.PrefillKeptShare is not null) ? PrefillColumns : [],
            .. rows.Any(ReadsTwice) ? ReadingColumns : [],
            ("decode, tokens/s", row => Figure(row.DecodeTokensPerSecond)),
            .. settings.Sampling is null ? [] : SamplingColumns,
            ("of bandwidth", row => Number($"{100 * row.BandwidthShare.Median:F0} %")),
            ("density", row => Number($"{row.Density:F3}")),
            ("KV, MiB", row => MiB(row.KvBytes)),
            ("weights, MiB", row => MiB(row.WeightBytes)),
            .. settings.LargestBatch ? LargestBatchColumns : [],
            (rows.All(row => row.PeakIsOfRow) ? "peak, MiB" : "peak of process, MiB", row => MiB(row.PeakResidentBytes)),
            .. JouleColumns(),
        ];
        Table table = new() { Border = TableBorder.Simple };
        foreach ((string heading, _) in columns)
            table.AddColumn(new TableColumn(heading) { Alignment = heading == "policy" ? Justify.Left : Justify.Right, NoWrap = true });
        foreach (BenchmarkRow row in rows)
            table.AddRow([.. columns.Select(column => Markup.Escape(column.Cell(row)))]);
        console.Write(table);
        Spread bandwidth = Spread.Of(rows.Select(row => row.BandwidthBytesPerSecond.Median));
        context.Output.WriteLine(Number(
            $"{(model.Transformer.Backend.Gauge is null ? "read" : "copy")} bandwidth measured between the rows: {bandwidth.Median / 1e9:F1} GB/s ({bandwidth.Least / 1e9:F1} to {bandwidth.Most / 1e9:F1})"));
        if (model.Transformer.Backend.Gauge is null)
            context.Output.WriteLine(model.Transformer.CopiedWeightBytes > 0 ? "weights read from a copy in own memory" : "weights read where they were loaded");
        if (rows.Any(IsBoundByPass))
            context.Output.WriteLine(Number($"a pass, not memory, bounds batches of {model.Transformer.MaxRows}"));
        if (JouleColumns().Any())
            context.Output.WriteLine($"joules counted by {energySource}, other work included");
        if (WhyNoEnergy is string reason)
            context.Output.WriteLine($"joules not told: {reason}");
        foreach (BenchmarkRow row in rows)
            ProfileOutput.WriteTables(console, context.Output, row, settings.Threads);
    }

    public void WriteJson(CommandContext context) =>
        context.WriteJson(writer =>
        {
            writer.WriteString("model", model.Name);
            writer.WriteString("weights", WeightFormats);
            writer.WriteNumber("copiedWeightBytes", model.Transformer.CopiedWeightBytes);
            writer.WriteString("kv", settings.CacheType.Name());
            writer.WriteString("backend", model.Transformer.Backend.Description);
            writer.WriteNumber("threads", settings.Threads);
            writer.WriteNumber("decodeTokens", settings.DecodeTokens);
            writer.WriteNumber("repeat", settings.Repeats);
            writer.WriteBoolean("syntheticContext", settings.SyntheticContext);
            writer.WriteString("energySource", energySource);
            if (WhyNoEnergy is string reason)
                writer.WriteString("whyNoEnergy", reason);
            writer.WriteObjects("rows", rows, WriteRow);
        });

    private bool IsBoundByPass(BenchmarkRow row) => settings.LargestBatch && row.Batch == model.Transformer.MaxRows;

    // Columns in which no row has a number are left out.
    private IEnumerable<(string Heading, Func<BenchmarkRow, string> Cell)> JouleColumns()
    {
        if (rows.Any(row => row.PrefillJoulesPerToken is not null))
            yield return ("prefill, J/token", row => Figure(row.PrefillJoulesPerToken));
        if (rows.Any(row => row.DecodeJoulesPerToken is not null))
            yield return ("decode, J/token", row => Figure(row.DecodeJoulesPerToken));
    }

    private static string Number(FormattableString text) => FormattableString.Invariant(text);

    private static string MiB(long bytes) => Number($"{bytes / 1048576.0:N0}");

    private static string Figure(Spread? spread) =>
        spread is Spread known ? Number($"{Round(known.Median)} ({Round(known.Least)} to {Round(known.Most)})") : "-";

    private static string Round(double figure) => figure switch
    {
        < 1 => Number($"{figure:G3}"),
        < 100 => Number($"{figure:F2}"),
        _ => Number($"{figure:F0}"),
    };

    private void WriteRow(Utf8JsonWriter writer, BenchmarkRow row)
    {
        writer.WriteString("policy", row.Policy.Policy.FullName);
        if (row.Policy.Settings is not null)
            writer.WriteString("settings", row.Policy.Settings);
        if (row.Policy.PlanFile is not null)
            writer.WriteString("plan", row.Policy.PlanFile);
        if (row.Policy.Prefill is not null)
            writer.WriteString("prefill", row.Policy.Prefill);
        writer.WriteNumber("length", row.Length);
        writer.WriteNumber("batch", row.Batch);
        if (settings.LargestBatch)
            writer.WriteString("batchBoundBy", IsBoundByPass(row) ? "pass" : "memory");
        WriteSpread(writer, "prefillTokensPerSecond", row.PrefillTokensPerSecond);
        if (row.PrefillKeptShare is double share)
            writer.WriteNumber("prefillKeptShare", share);
        writer.WriteNumber("promptReadings", ReadsTwice(row) ? 2 : 1);
        WriteSpread(writer, "decodeTokensPerSecond", row.DecodeTokensPerSecond);
        if (settings.Sampling is not null)
        {
            WriteSpread(writer, "drawMillisecondsPerToken", row.DrawMillisecondsPerToken);
            WriteSpread(writer, "sampledTokensPerSecond", row.SampledTokensPerSecond);
        }

        writer.WriteNumber("density", row.Density);
        writer.WriteNumber("kvBytes", row.KvBytes);
        writer.WriteNumber("weightBytes", row.WeightBytes);
        writer.WriteNumber("activeBytes", row.ActiveBytes);
        writer.WriteNumber("reckonedBytes", row.ReckonedBytes);
        writer.WriteNumber("peakResidentBytes", row.PeakResidentBytes);
        writer.WriteString("peakResidentOf", row.PeakIsOfRow ? "row" : "process");
        writer.WriteNumber("bytesPerStep", row.BytesPerStep);
        WriteSpread(writer, "bandwidthBytesPerSecond", row.BandwidthBytesPerSecond);
        WriteSpread(writer, "bandwidthShare", row.BandwidthShare);
        WriteSpread(writer, "prefillJoulesPerToken", row.PrefillJoulesPerToken);
        WriteSpread(writer, "joulesPerToken", row.DecodeJoulesPerToken);
        if (!settings.Profile)
            return;
        ProfileOutput.WriteJson(writer, "decodeProfile", row.DecodeProfile);
        ProfileOutput.WriteJson(writer, "prefillProfile", row.PrefillProfile);
    }

    // The median under the name itself.
    private static void WriteSpread(Utf8JsonWriter writer, string name, Spread? spread)
    {
        if (spread is not Spread known)
        {
            writer.WriteNull(name);
            return;
        }

        writer.WriteNumber(name, known.Median);
        writer.WriteNumber($"{name}Min", known.Least);
        writer.WriteNumber($"{name}Max", known.Most);
    }
}
