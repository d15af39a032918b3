using System.CommandLine;
using System.Text.Json;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Evaluation.Benchmarking;
using MoA.Evaluation.Estimates;
using MoA.Evaluation.Policies;
using Spectre.Console;

namespace MoA.Cli.Commands;

/// <summary><c>moa bench</c>: speed and memory over policies, lengths and batch sizes.</summary>
internal sealed class BenchCommand : CliCommand
{
    private static readonly int[] DefaultLengths = [512, 2048];

    private readonly Option<string[]> _policies = new("--policy")
    {
        Description = $"Policies to compare: {PolicyHelp.WithoutSize} (every --plan), {PolicyHelp.WithSize} with a size, as in h2o:density=0.5 (or " +
            $":span=TOKENS), {PolicyHelp.WithHeadScores} with head scores (docs/policies.md), or {PolicyReader.All}:density=0.5; may be repeated (default: dense, or the plans)",
        HelpName = PolicyHelp.Form,
        CompletionSources = { _ => PolicyHelp.Completions(PolicyReader.All) },
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string[]> _plans = new("--plan")
    {
        Description = "Plan files, each a moa row; may be repeated",
        HelpName = "FILE",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _lengths = new("--lengths")
    {
        Description = "Tokens of context before decoding (default: 512,2048, as far as the model's context goes)",
        HelpName = "N,N,…",
    };

    private readonly Option<string?> _batches = new("--batch")
    {
        Description = "Sequences that run together (default: 1)",
        HelpName = "B,B,…",
    };

    private readonly Option<int?> _decodeTokens = new("--decode-tokens")
    {
        Description = "Decode steps to time (default: 64)",
        HelpName = "N",
    };

    private readonly Option<bool> _syntheticContext = new("--synthetic-context")
    {
        Description = "Fill the caches with random rows instead of prefilling: decode speed at long contexts without the wait",
    };

    private readonly Option<int?> _repeat = new("--repeat")
    {
        Description = "Times that each figure is measured, policies in turn; the median is given (default: 3)",
        HelpName = "N",
    };

    public BenchCommand(Streams streams)
        : base("bench", "Measures prefill and decode speed, memory, and the share of the machine's read bandwidth that a decode step " +
            "reaches, over policies, lengths and batch sizes. Tokens are random, but valid.", streams)
    {
        Examples =
        [
            "moa bench --lengths 512,2048 --batch 1,8",
            "moa bench --policy dense streaming-llm:density=0.5 --plan moa-out/plan.json --lengths 2048 --json",
            "moa bench --policy dense all:density=0.25 --lengths 4000",
            "moa bench --model ./vicuna-7b.gguf --plan plan.json --lengths 16384 --synthetic-context --decode-tokens 16",
        ];
        Options.Add(_policies);
        Options.Add(_plans);
        Options.Add(_lengths);
        Options.Add(_batches);
        Options.Add(_decodeTokens);
        Options.Add(_syntheticContext);
        Options.Add(_repeat);
        Options.Add(DryRun.Option);
        ModelOptions.AddTo(this);
    }

    protected override void Run(CommandContext context)
    {
        int decodeTokens = CalibrationOptions.Positive(context, _decodeTokens) ?? 64;
        int repeats = CalibrationOptions.Positive(context, _repeat) ?? 3;
        int[] batches = Lists.Batches("--batch", context.Get(_batches) ?? "1");
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        BenchmarkSettings settings = new()
        {
            Lengths = context.Get(_lengths) is string lengths
                ? Lists.Lengths("--lengths", lengths)
                : [.. DefaultLengths.Select(length => Math.Clamp(model.Config.MaxPositions - decodeTokens, 1, length)).Distinct()],
            Batches = batches,
            DecodeTokens = decodeTokens,
            SyntheticContext = context.Get(_syntheticContext),
            Repeats = repeats,
            CacheType = ModelOptions.CacheType(context),
            Threads = GlobalOptions.ReadThreads(context) ?? Environment.ProcessorCount,
            Seed = context.Get(GlobalOptions.Seed) ?? 0,
        };
        IReadOnlyList<BenchmarkPolicy> policies = BenchmarkPolicy.Read(
            context.Get(_policies) ?? [], context.Get(_plans) ?? [], model.Config);
        if (DryRun.Asked(context))
        {
            DryRun.Show(context, BenchmarkEstimate.Of(
                model, ModelSpeed.Measure(model, settings.CacheType, cancellation: context.Cancellation), settings, policies));
            return;
        }

        IReadOnlyList<BenchmarkRow> rows = context.WithProgress(
            progress => new BenchmarkRun(model, settings, progress).Run(policies, context.Cancellation));
        if (context.Json)
            WriteJson(context, model, settings, rows);
        else
            WriteTable(context, model, settings, rows);
    }

    private static string WeightFormats(LanguageModel model) =>
        string.Join(", ", model.Loaded.Weights.ElementTypes.Select(type => type.Name()));

    private static void WriteTable(
        CommandContext context, LanguageModel model, BenchmarkSettings settings, IReadOnlyList<BenchmarkRow> rows)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(context.Output) });
        if (!console.Profile.Out.IsTerminal)
            console.Profile.Width = 200; // a file has no margin to wrap at
        context.Output.WriteLine(
            $"{model.Name}: weights {WeightFormats(model)}, KV {settings.CacheType.Name()}, {model.Transformer.Backend.Description}; " +
            $"{settings.DecodeTokens} decode steps, {settings.Repeats} repeats, median (least to most)");
        Table table = new() { Border = TableBorder.Simple };
        foreach (string heading in new[]
        {
            "policy", "length", "batch", "prefill, tokens/s", "decode, tokens/s", "of bandwidth", "density", "KV, MiB", "weights, MiB",
            rows.All(row => row.PeakIsOfRow) ? "peak, MiB" : "peak of process, MiB",
        })
        {
            table.AddColumn(new TableColumn(heading) { Alignment = heading == "policy" ? Justify.Left : Justify.Right, NoWrap = true });
        }

        foreach (BenchmarkRow row in rows)
        {
            table.AddRow([.. new[]
            {
                row.Policy.Label, Number($"{row.Length}"), Number($"{row.Batch}"),
                row.PrefillTokensPerSecond is Spread prefill ? Speed(prefill) : "-", Speed(row.DecodeTokensPerSecond),
                Number($"{100 * row.BandwidthShare.Median:F0} %"), Number($"{row.Density:F3}"),
                MiB(row.KvBytes), MiB(row.WeightBytes), MiB(row.PeakResidentBytes),
            }.Select(Markup.Escape)]);
        }

        console.Write(table);
        Spread bandwidth = Spread.Of(rows.Select(row => row.BandwidthBytesPerSecond.Median));
        context.Output.WriteLine(Number(
            $"read bandwidth measured between the rows: {bandwidth.Median / 1e9:F1} GB/s ({bandwidth.Least / 1e9:F1} to {bandwidth.Most / 1e9:F1})"));

        static string Number(FormattableString text) => FormattableString.Invariant(text);
        static string MiB(long bytes) => Number($"{bytes / 1048576.0:N0}");
        static string Speed(Spread spread) => Number($"{Round(spread.Median)} ({Round(spread.Least)} to {Round(spread.Most)})");
        static string Round(double speed) => speed < 100 ? Number($"{speed:F2}") : Number($"{speed:F0}");
    }

    private static void WriteJson(
        CommandContext context, LanguageModel model, BenchmarkSettings settings, IReadOnlyList<BenchmarkRow> rows) =>
        context.WriteJson(writer =>
        {
            writer.WriteString("model", model.Name);
            writer.WriteString("weights", WeightFormats(model));
            writer.WriteString("kv", settings.CacheType.Name());
            writer.WriteString("backend", model.Transformer.Backend.Description);
            writer.WriteNumber("threads", settings.Threads);
            writer.WriteNumber("decodeTokens", settings.DecodeTokens);
            writer.WriteNumber("repeat", settings.Repeats);
            writer.WriteBoolean("syntheticContext", settings.SyntheticContext);
            writer.WriteObjects("rows", rows, WriteRow);
        });

    private static void WriteRow(Utf8JsonWriter writer, BenchmarkRow row)
    {
        writer.WriteString("policy", row.Policy.Policy.Name);
        if (row.Policy.Settings is not null)
            writer.WriteString("settings", row.Policy.Settings);
        if (row.Policy.PlanFile is not null)
            writer.WriteString("plan", row.Policy.PlanFile);
        writer.WriteNumber("length", row.Length);
        writer.WriteNumber("batch", row.Batch);
        if (row.PrefillTokensPerSecond is Spread prefill)
            WriteSpread(writer, "prefillTokensPerSecond", prefill);
        else
            writer.WriteNull("prefillTokensPerSecond");
        WriteSpread(writer, "decodeTokensPerSecond", row.DecodeTokensPerSecond);
        writer.WriteNumber("density", row.Density);
        writer.WriteNumber("kvBytes", row.KvBytes);
        writer.WriteNumber("weightBytes", row.WeightBytes);
        writer.WriteNumber("peakResidentBytes", row.PeakResidentBytes);
        writer.WriteString("peakResidentOf", row.PeakIsOfRow ? "row" : "process");
        writer.WriteNumber("bytesPerStep", row.BytesPerStep);
        WriteSpread(writer, "bandwidthBytesPerSecond", row.BandwidthBytesPerSecond);
        WriteSpread(writer, "bandwidthShare", row.BandwidthShare);
    }

    // The median under the name itself.
    private static void WriteSpread(Utf8JsonWriter writer, string name, Spread spread)
    {
        writer.WriteNumber(name, spread.Median);
        writer.WriteNumber($"{name}Min", spread.Least);
        writer.WriteNumber($"{name}Max", spread.Most);
    }
}
