using System.CommandLine;
using System.Globalization;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Evaluation.Compression;
using MoA.Evaluation.Reports;
using MoA.Search.Calibration;

namespace MoA.Cli.Commands;

/// <summary><c>moa compress</c>: the main job, from a model folder to a plan and its report.</summary>
internal sealed class CompressCommand : CliCommand
{
    private readonly Option<string?> _retrievalLengths = new("--retrieval-lengths")
    {
        Description = "Lengths of the retrieval evaluation (default: the longest profile and extension lengths)",
        HelpName = "N,N,…",
    };

    private readonly Option<int?> _retrievalItems = new("--retrieval-items")
    {
        Description = "Questions of the retrieval evaluation for each length and policy; 0 leaves it out (default: 100)",
        HelpName = "N",
    };

    private readonly Option<int?> _maxPlans = new("--max-plans")
    {
        Description = "Most Pareto plans to validate, spread over the front (default: 10)",
        HelpName = "N",
    };

    public CompressCommand(Streams streams)
        : base("compress", "The main job: calibrate, profile, optimise, validate. Writes plan.json, report.html and report.json. " +
            "A run that was interrupted goes on when it is started again.", streams)
    {
        Examples =
        [
            "moa compress",
            "moa compress --model ./Llama-3.2-1B-Instruct --density 0.5 --out llama-plan",
            "moa compress --data support-chats.jsonl --density-at 512=0.6,2048=0.4 --out chats-plan",
            "moa compress --cluster postgresql://moa@db.example.org/moa --model org/name --out plan   # on every 'moa worker' there",
        ];
        KeepsFinishedWork = true;
        ModelOptions.AddTo(this);
        CalibrationOptions.AddTo(this);
        SearchOptions.AddTo(this);
        Options.Add(_retrievalLengths);
        Options.Add(_retrievalItems);
        Options.Add(_maxPlans);
        Options.Add(ScorerOption.Option);
        Options.Add(StepOptions.MemoryLimit);
        Options.Add(StepOptions.Out);
        Options.Add(DryRun.Option);
        ClusterSearch.AddTo(this);
    }

    protected override void Run(CommandContext context)
    {
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        CompressionSettings settings = ReadSettings(context, model.Config, backend);
        string folder = StepOptions.OutFolder(context);
        if (!ClusterOptions.IsGiven(context))
            MmapOption.Apply(context, model, StepOptions.MemoryEstimate(context, model).OfCompression(settings).BytesBesideModel);
        if (DryRun.Asked(context))
        {
            DryRun.Show(context, StepOptions.Estimate(context, model, folder, profiles: true).OfCompression(settings));
            return;
        }

        context.Note($"moa: compressing {model.Name} on {backend.Description}, into {folder}");
        if (settings.Search.Remark(model.Config) is string remark)
            context.Note($"moa: {remark}");
        CalibrationOptions.NoteBaseModel(context, model);
        using ClusterSearch? cluster = ClusterSearch.Of(context, model);
        (CompressionReport report, IReadOnlyList<SkippedItems> skipped) = context.WithProgress(progress =>
        {
            CompressionRun run = new(model, settings, folder, progress) { Workers = cluster?.Workers };
            return (run.Run(ToolVersion.Text, CommandText(context), context.Cancellation), run.Skipped);
        });
        CalibrationOptions.NoteSkipped(context, skipped);
        if (context.Json)
            context.Output.WriteLine(report.ToJson());
        else
            WriteSummary(context, report, folder);
    }

    private CompressionSettings ReadSettings(CommandContext context, ModelConfig config, ComputeBackend backend)
    {
        CompressionSettings defaults = CompressionSettings.DefaultsFor(config, SearchOptions.Read(context, config, backend));
        CompressionSettings settings = CalibrationOptions.Apply(context, defaults) with
        {
            RetrievalItems = context.Get(_retrievalItems) ?? defaults.RetrievalItems,
            RetrievalLengths = context.Get(_retrievalLengths) is string lengths
                ? Lists.Lengths("--retrieval-lengths", lengths)
                : defaults.RetrievalLengths,
            MaxPlans = CalibrationOptions.Positive(context, _maxPlans) ?? defaults.MaxPlans,
            MemoryLimit = StepOptions.ReadMemoryLimit(context),
            Scorer = ScorerOption.Read(context),
        };
        if (settings.RetrievalItems < 0)
            throw new InvalidInputException($"--retrieval-items {settings.RetrievalItems}: expected 0 or more");
        settings.Check(config);
        return settings;
    }

    // Without what names a cluster, which may hold a password: the files are the same wherever they are computed.
    private static string CommandText(CommandContext context) =>
        "moa " + string.Join(' ', ClusterOptions.Without(context.Parsed.Tokens).Select(token =>
            token.Value.All(letter => char.IsAsciiLetterOrDigit(letter) || "-_./=,:".Contains(letter, StringComparison.Ordinal))
                ? token.Value
                : $"'{token.Value.Replace("'", "'\\''", StringComparison.Ordinal)}'"));

    private static void WriteSummary(CommandContext context, CompressionReport report, string folder)
    {
        TextWriter output = context.Output;
        output.WriteLine(Line($"{"validation at " + report.Settings.ValidationLength,-22} {"loss",8} {"95% interval",20} {"density",8}"));
        ReportPlan chosen = report.Plans.Single(plan => plan.Chosen);
        foreach (ReportValidation row in report.Validation.Where(row => row.Name is "dense" or "uniform" || row.Name == chosen.File))
            output.WriteLine(Line($"{row.Name,-22} {row.MeanLoss,8:F4} {Line($"[{row.Low:F4}, {row.High:F4}]"),20} {row.Density,8:F3}"));
        if (report.Retrieval.Length > 0)
            output.WriteLine(Line($"\n{"retrieval",-22} {"right",8} {"95% interval",20} {"density",8} {"KV bytes",12}"));
        foreach (ReportRetrieval row in report.Retrieval)
        {
            string interval = Line($"[{row.Low:P0}, {row.High:P0}]");
            output.WriteLine(Line($"{row.Policy + " at " + row.Length,-22} {row.Accuracy,8:P0} {interval,20} {row.Density,8:F3} {row.KvBytes,12:N0}"));
        }

        output.WriteLine($"\nplan    {Path.Combine(folder, CompressionRun.PlanFileName)}");
        output.WriteLine($"report  {Path.Combine(folder, CompressionRun.PageFileName)}");

        static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
    }
}
