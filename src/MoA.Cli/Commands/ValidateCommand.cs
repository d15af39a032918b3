using System.CommandLine;
using System.Globalization;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Evaluation.Compression;
using MoA.Search;
using MoA.Search.Calibration;
using MoA.Search.Pipeline;
using MoA.Search.Validation;

namespace MoA.Cli.Commands;

/// <summary><c>moa validate</c>: the loss of plans at an unseen length.</summary>
internal sealed class ValidateCommand : CliCommand
{
    private readonly Option<string> _plans = new("--plans")
    {
        Description = "Folder of plan-*.json files, as moa optimize writes them",
        HelpName = "DIR",
        Required = true,
    };

    private readonly Option<string> _data = new("--data", "-d")
    {
        Description = "Items to validate on (.jsonl), such as validation.jsonl of moa calibrate",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<int?> _length = new("--length")
    {
        Description = "Length whose items are used: more than half of it, at most it (default: that of the search's defaults)",
        HelpName = "N",
    };

    public ValidateCommand(Streams streams)
        : base("validate", "Measures the answer loss of every plan at an unseen length, beside dense attention and uniform spans, and copies " +
            "the best to plan.json. With a scorer, plans run with content inside, and plan.json names it.", streams)
    {
        Examples = ["moa validate --plans plans --data search/validation.jsonl --length 1536 --out search"];
        KeepsFinishedWork = true;
        Options.Add(_plans);
        Options.Add(_data);
        Options.Add(_length);
        Options.Add(ScorerOption.Option);
        ModelOptions.AddTo(this);
        Options.Add(StepOptions.Out);
        Options.Add(DryRun.Option);
        ClusterSearch.AddTo(this);
    }

    protected override void Run(CommandContext context)
    {
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        (string Name, PlanDocument Document, AttentionPlan Plan)[] plans = ReadPlans(context.Get(_plans)!, model.Config);
        string data = context.Get(_data)!;
        int length = CalibrationOptions.Positive(context, _length) ?? SearchSettings.DefaultsFor(model.Config).ValidationLength;
        EncodedItem[] items = [.. CalibrationStep.Read(model, data).Where(item => CalibrationSummary.IsUsedAt(item.Length, length))];
        if (items.Length == 0)
            throw new InvalidInputException($"{data}: no item of {length / 2 + 1} to {length} tokens; choose another --length");
        string folder = StepOptions.OutFolder(context);
        string? scorer = ScorerOption.Read(context);
        AttentionPolicy[] policies = [.. plans.Select(plan => ContentPlanReader.Of(plan.Plan, scorer ?? plan.Document.Scorer))];
        int[] tokens = [.. items.Select(item => item.Tokens.Length)];
        if (!ClusterOptions.IsGiven(context))
            MmapOption.Apply(context, model, StepOptions.MemoryEstimate(context, model).OfValidation(policies, tokens).BytesBesideModel);
        if (DryRun.Asked(context))
        {
            DryRun.Show(context, StepOptions.Estimate(context, model, folder).OfValidation(policies, tokens));
            return;
        }

        using ClusterSearch? cluster = ClusterSearch.Of(context, model);
        using ResultJournal journal = ResultJournal.OpenIn(folder, CompressionRun.PlanFileName);
        ValidationOutcome outcome = context.WithProgress(progress => ValidationStep.Run(
            model, [.. plans.Zip(policies, (plan, policy) => (plan.Name, policy))], items, length, journal, ModelOptions.CacheType(context), progress,
            cluster?.Workers, context.Cancellation));
        string target = Path.Combine(folder, CompressionRun.PlanFileName);
        PlanDocument chosen = plans[outcome.Chosen].Document;
        PlanFile.Save(target, chosen with
        {
            Scorer = scorer ?? chosen.Scorer,
            Search = (chosen.Search ?? new PlanSearch()) with
            {
                ValidationLength = length,
                ValidationLoss = outcome.Plans[outcome.Chosen].Loss.Mean,
            },
        });
        PolicyScore[] scores = [outcome.Dense, .. outcome.Plans, outcome.Uniform];
        if (context.Json)
            WriteJson(context, scores, outcome, length, target);
        else
            WriteText(context, scores, outcome, target);
    }

    private static (string Name, PlanDocument Document, AttentionPlan Plan)[] ReadPlans(string folder, ModelConfig config)
    {
        if (!Directory.Exists(folder))
            throw new InvalidInputException($"--plans {folder}: there is no such folder");
        string[] files = [.. Directory.EnumerateFiles(folder, "plan-*.json").Order(StringComparer.Ordinal)];
        if (files.Length == 0)
            throw new InvalidInputException($"--plans {folder}: no plan-*.json there; moa optimize writes them");
        return [.. files.Select(file =>
        {
            PlanDocument document = PlanFile.Load(file);
            return (Path.GetFileName(file), document, document.FitTo(config.Layers, config.QueryHeads, config.KeyValueHeads, file));
        })];
    }

    private static void WriteText(CommandContext context, PolicyScore[] scores, ValidationOutcome outcome, string target)
    {
        foreach (PolicyScore score in scores)
        {
            string mark = score.Difference is not MeanInterval difference ? "  chosen" : string.Create(
                CultureInfo.InvariantCulture, $"  {difference.Mean:+0.00000;-0.00000} [{difference.Low:F5}, {difference.High:F5}] to the chosen");
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{score.Name,-16} loss {score.Loss.Mean:F5} [{score.Loss.Low:F5}, {score.Loss.High:F5}]  density {score.Density:F4}  items {score.ItemLosses.Count}{mark}"));
        }

        context.Output.WriteLine(target);
    }

    private static void WriteJson(CommandContext context, PolicyScore[] scores, ValidationOutcome outcome, int length, string target) =>
        context.WriteJson(writer =>
        {
            writer.WriteNumber("length", length);
            writer.WriteNumber("items", outcome.Dense.ItemLosses.Count);
            writer.WriteObjects("policies", scores, static (writer, score) =>
            {
                writer.WriteString("name", score.Name);
                writer.WriteNumber("meanLoss", score.Loss.Mean);
                writer.WriteNumber("low", score.Loss.Low);
                writer.WriteNumber("high", score.Loss.High);
                writer.WriteNumber("density", score.Density);
                writer.WriteNumber("items", score.ItemLosses.Count);
                if (score.Difference is not MeanInterval difference)
                    return;
                writer.WriteStartObject("difference");
                writer.WriteNumber("mean", difference.Mean);
                writer.WriteNumber("low", difference.Low);
                writer.WriteNumber("high", difference.High);
                writer.WriteEndObject();
            });
            writer.WriteString("chosen", outcome.Plans[outcome.Chosen].Name);
            writer.WriteString("plan", target);
        });
}
