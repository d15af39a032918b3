using System.CommandLine;
using System.Globalization;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Search.Calibration;
using MoA.Search.Pipeline;
using MoA.Search.Profiling;

namespace MoA.Cli.Commands;

/// <summary><c>moa profile</c>: the influence of every attention position on the loss.</summary>
internal sealed class ProfileCommand : CliCommand
{
    private readonly Option<string> _data = new("--data", "-d")
    {
        Description = "Items to profile on (.jsonl), such as calibration.jsonl of moa calibrate",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<string?> _plan = new("--plan")
    {
        Description = "Plan under which influence is measured, of what it hides as well (default: none, the model as it is)",
        HelpName = "FILE",
    };

    public ProfileCommand(Streams streams)
        : base("profile", "Measures how much each attention head's positions matter for the answers. Writes influence-N.safetensors " +
            "for every length.", streams)
    {
        Examples =
        [
            "moa profile --data search/calibration.jsonl --lengths 512,1024 --out search",
            "moa profile --data search/calibration.jsonl --lengths 512,1024 --plan search/plan.json --out refined",
        ];
        KeepsFinishedWork = true;
        Options.Add(_data);
        ModelOptions.AddTo(this);
        Options.Add(SearchOptions.Lengths);
        Options.Add(SearchOptions.Block);
        Options.Add(_plan);
        Options.Add(ScorerOption.Option);
        Options.Add(StepOptions.MemoryLimit);
        Options.Add(StepOptions.Out);
        Options.Add(DryRun.Option);
        ClusterSearch.AddTo(this);
    }

    protected override void Run(CommandContext context)
    {
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        MmapOption.RefuseCopy(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        long? limit = StepOptions.ReadMemoryLimit(context);
        IReadOnlyList<int> lengths = context.Get(SearchOptions.Lengths) is string text
            ? Lists.Lengths("--lengths", text)
            : SearchSettings.DefaultsFor(model.Config).ProfileLengths;
        int block = SearchOptions.ReadBlock(context, model.Config, lengths, backend);
        PlanPolicy? plan = context.Get(_plan) is string file ? ReadPlan(file, model.Config) : null;
        string? scorer = ScorerOption.Read(context);
        if (plan is not null && scorer is not null)
            throw new InvalidInputException("--plan and --scorer exclude each other: under a plan influence is measured by positions; give one");
        if ((plan is not null || scorer is not null) && !backend.TakesInfluenceOfPlans)
        {
            throw new InvalidInputException(
                $"{(plan is not null ? "--plan" : "--scorer")}: {backend.Description} takes influence of the whole model by positions alone; use --device cpu, or leave it out");
        }

        string data = context.Get(_data)!;
        IReadOnlyList<EncodedItem> items = CalibrationStep.Read(model, data);
        foreach (int length in lengths.Where(length => !items.Any(item => CalibrationSummary.IsUsedAt(item.Length, length))))
            throw new InvalidInputException($"{data}: no item of {length / 2 + 1} to {length} tokens; choose other --lengths");
        string folder = StepOptions.OutFolder(context);
        if (DryRun.Asked(context))
        {
            DryRun.Show(context, StepOptions.Estimate(context, model, folder, profiles: true).OfProfiling(
                [.. lengths.Select(length => (length, items.Where(item => CalibrationSummary.IsUsedAt(item.Length, length)).Select(item => item.Length)))],
                limit, block, scorer));
            return;
        }

        using ClusterSearch? cluster = ClusterSearch.Of(context, model);
        ProfileReport report = context.WithProgress(
            progress => ProfileStep.Run(model, items, lengths, folder, progress, cluster?.Workers, limit, block, plan, scorer, context.Cancellation));
        foreach (IGrouping<string, SkippedItem> skipped in report.Skipped.GroupBy(skipped => skipped.Origin))
        {
            if (skipped.Count() == lengths.Count)
                context.Note($"moa: {skipped.Key}: {skipped.First().Tokens} tokens, used at no length");
        }

        if (context.Json)
            WriteJson(context, report);
        else
            WriteText(context, report);
    }

    private static PlanPolicy ReadPlan(string file, ModelConfig config)
    {
        PlanDocument document = PlanFile.Load(file);
        return document.Scorer is null
            ? new PlanPolicy(document.FitTo(config.Layers, config.QueryHeads, config.KeyValueHeads, file))
            : throw new InvalidInputException($"--plan {file}: its heads choose their rows by {document.Scorer}, and influence is measured under spans; give a plan without a scorer");
    }

    private static void WriteText(CommandContext context, ProfileReport report)
    {
        foreach (ProfileResult result in report.Results)
        {
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{result.Length,6} tokens: {result.Items} items, mean loss {result.MeanLoss:F5}, {result.Seconds:F1} s  {result.Path}"));
        }
    }

    private static void WriteJson(CommandContext context, ProfileReport report) => context.WriteJson(writer =>
        writer.WriteObjects("lengths", report.Results, (writer, result) =>
        {
            writer.WriteNumber("length", result.Length);
            writer.WriteNumber("items", result.Items);
            writer.WriteNumber("skipped", report.Skipped.Count(skipped => skipped.Length == result.Length));
            writer.WriteNumber("meanLoss", result.MeanLoss);
            writer.WriteNumber("seconds", result.Seconds);
            writer.WriteString("file", result.Path);
        }));
}
