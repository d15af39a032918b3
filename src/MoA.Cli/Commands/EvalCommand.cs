using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Evaluation.Estimates;
using MoA.Evaluation.Tasks;
using MoA.Search.Pipeline;

namespace MoA.Cli.Commands;

/// <summary>An evaluation: sets of items, each under several policies, with results in folders.</summary>
internal abstract class EvalCommand : CliCommand
{
    private readonly string _task;
    private readonly Option<int?> _items;

    /// <param name="task">The task's name.</param>
    /// <param name="description">What it measures.</param>
    /// <param name="items">What --items counts.</param>
    /// <param name="streams">Where the command reads and writes.</param>
    protected EvalCommand(string task, string description, string items, Streams streams)
        : base(task, description, streams)
    {
        _task = task;
        _items = new Option<int?>("--items") { Description = items, HelpName = "N" };
        KeepsFinishedWork = true;
        EvalOptions.AddTo(this);
        Options.Add(_items);
    }

    /// <summary>The sets to measure.</summary>
    protected abstract IReadOnlyList<EvaluationSet> CreateSets(CommandContext context, LanguageModel model);

    /// <summary>Settings of the run besides those of all evaluations.</summary>
    protected virtual EvaluationSettings Configure(CommandContext context, EvaluationSettings settings) => settings;

    /// <summary>What --items asks for, or null.</summary>
    protected int? Items(CommandContext context) => CalibrationOptions.Positive(context, _items);

    /// <summary>Steps of a run that take time after the model's own.</summary>
    protected virtual IEnumerable<EstimatedTime> FurtherSteps(CommandContext context) => [];

    /// <summary>What is done with a folder's results at the end.</summary>
    protected virtual EvaluationMetrics Finish(CommandContext context, string folder, EvaluationMetrics metrics) => metrics;

    protected override void Run(CommandContext context)
    {
        string folder = context.Get(EvalOptions.Out)!;
        AnswerScorer scorer = new(context.Get(EvalOptions.Jieba));
        List<EvaluationMetrics>? results = context.Get(EvalOptions.ScoreOnly) ? Rescore(context, folder, scorer) : Evaluate(context, folder, scorer);
        if (results is null)
            return;
        if (context.Json)
        {
            context.WriteJson(writer =>
            {
                writer.WriteString("task", _task);
                writer.WriteObjects("policies", results, WriteMembers);
            });
            return;
        }

        foreach (EvaluationMetrics metrics in results)
            context.Output.WriteLine(Describe(metrics));
        context.Note($"results are in {folder}; moa eval compare {folder} puts them on one page");
    }

    /// <summary>The lengths that the option names, or the defaults as far as they fit the model.</summary>
    protected static IReadOnlyList<int> LengthsOf(CommandContext context, Option<string?> option, ModelConfig config, IEnumerable<int> defaults)
    {
        int[] lengths = context.Get(option) is string text
            ? Lists.Lengths("--lengths", text)
            : [.. defaults.Where(length => length <= config.MaxPositions).Distinct().Order()];
        return lengths.Length > 0 && lengths[^1] <= config.LongestText
            ? lengths
            : throw new InvalidInputException(
                $"--lengths {(lengths.Length > 0 ? lengths[^1] : "")}: the model's context is {config.MaxPositions} tokens; choose shorter lengths");
    }

    /// <summary>Most tokens of a published prompt: what is given, or the context without the benchmarks' reserve.</summary>
    protected static int MaxPromptTokens(CommandContext context, Option<int?> option, ModelConfig config)
    {
        int most = CalibrationOptions.Positive(context, option) ?? config.MaxPositions - MoA.Evaluation.Data.BenchmarkPrompt.Reserve;
        return most >= 64 && most <= config.LongestText
            ? most
            : throw new InvalidInputException($"{option.Name} {most}: expected 64 to {config.MaxPositions}, the model's context");
    }

    // Null for a dry run.
    private List<EvaluationMetrics>? Evaluate(CommandContext context, string folder, AnswerScorer scorer)
    {
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        CalibrationOptions.NoteBaseModel(context, model);
        (EvaluationSet Set, PolicyChoice Choice)[] runs =
        [
            .. from set in CreateSets(context, model)
               let sound = set.Checked(scorer)
               from choice in EvalOptions.PoliciesFor(context, model.Config, set.Length)
               select (sound, choice),
        ];
        EvaluationSettings settings = Configure(context, new EvaluationSettings
        {
            Folder = folder,
            CacheType = ModelOptions.CacheType(context),
            Scorer = scorer,
            Total = runs.Sum(run => run.Set.Items.Count),
        });
        if (!ClusterOptions.IsGiven(context))
        {
            MmapOption.Apply(
                context, model, EvaluationEstimate.Of(model, ModelSpeed.Unmeasured(model, settings.CacheType), settings, runs).BytesBesideModel);
        }

        if (DryRun.Asked(context))
        {
            RunEstimate estimate = EvaluationEstimate.Of(
                model, ModelSpeed.Measure(model, settings.CacheType, cancellation: context.Cancellation), settings, runs);
            DryRun.Show(context, estimate with { Times = [.. estimate.Times, .. FurtherSteps(context)] });
            return null;
        }

        OutputFolder.Create(folder);
        using ClusterSearch? cluster = ClusterSearch.Of(context, model);
        List<(string Folder, EvaluationMetrics Metrics)> results = context.WithProgress(progress =>
        {
            EvaluationRun evaluation = new(model, settings with { Workers = cluster?.Workers }, progress);
            evaluation.Share(runs, context.Cancellation);
            return runs.Select(run => (evaluation.FolderOf(run.Set, run.Choice), evaluation.Run(run.Set, run.Choice, context.Cancellation))).ToList();
        });
        return [.. results.Select(result => Finish(context, result.Folder, result.Metrics))];
    }

    private List<EvaluationMetrics> Rescore(CommandContext context, string folder, AnswerScorer scorer)
    {
        if (DryRun.Asked(context))
            throw new InvalidInputException("--dry-run says what a model would take, and --score-only runs none; give one of them");
        IReadOnlyList<string> all = Directory.Exists(folder) ? EvaluationFolder.FindAll(folder, finishedOnly: false) : [];
        string[] folders = [.. all.Where(found => EvaluationFolder.ReadConfiguration(found).Task == _task)];
        return folders.Length > 0
            ? [.. folders.Select(found => Finish(context, found, EvaluationFolder.Rescore(found, scorer)))]
            : throw new InvalidInputException($"--score-only: {folder} has no results of {_task}; run the evaluation first");
    }

    private static string Describe(EvaluationMetrics metrics)
    {
        string score = metrics.Perplexity is double perplexity
            ? string.Create(CultureInfo.InvariantCulture, $"perplexity {perplexity:F4} over {metrics.ScoredTokens} tokens")
            : metrics.Accuracy is double accuracy
                ? string.Create(CultureInfo.InvariantCulture, $"{accuracy:P1} of {metrics.Items} [{metrics.Low:P1}, {metrics.High:P1}]")
                : string.Create(CultureInfo.InvariantCulture, $"{metrics.Items} answers");
        return string.Create(CultureInfo.InvariantCulture,
            $"{NameOf(metrics),-12} at {metrics.Length,6}  {metrics.PolicySetting,-28} {score}  " +
            $"density {metrics.Density:F3}  KV {metrics.KvBytes:N0} bytes{(PolicyReader.ReadsTwice(metrics.PolicySetting) ? "  prompt read twice" : "")}");
    }

    // Tasks without data sets have variants: hidden questions, all tokens.
    private static string NameOf(EvaluationMetrics metrics) => metrics switch
    {
        { Dataset: null } => metrics.Task,
        { Task: "retrieval" or "perplexity" or "longbench2" } => metrics.TaskName,
        _ => metrics.Dataset,
    };

    internal static void WriteMembers(Utf8JsonWriter writer, EvaluationMetrics metrics)
    {
        writer.WriteString("task", metrics.Task);
        writer.WriteString("policy", metrics.Policy);
        writer.WriteString("setting", metrics.PolicySetting);
        if (metrics.Dataset is not null)
            writer.WriteString("dataset", metrics.Dataset);
        writer.WriteNumber("length", metrics.Length);
        writer.WriteNumber("items", metrics.Items);
        WriteIfThere("accuracy", metrics.Accuracy);
        WriteIfThere("low", metrics.Low);
        WriteIfThere("high", metrics.High);
        if (metrics is { Low: double low, High: double high })
        {
            writer.WriteStartArray("interval");
            writer.WriteNumberValue(low);
            writer.WriteNumberValue(high);
            writer.WriteEndArray();
        }

        WriteIfThere("meanCrossEntropy", metrics.MeanCrossEntropy);
        WriteIfThere("perplexity", metrics.Perplexity);
        writer.WriteNumber("density", metrics.Density);
        writer.WriteNumber("kvBytes", metrics.KvBytes);
        WriteIfThere("peakKvBytes", metrics.PeakKvBytes);
        WriteIfThere("promptTokensPerSecond", metrics.PromptTokensPerSecond);
        WriteIfThere("answerTokensPerSecond", metrics.AnswerTokensPerSecond);
        writer.WriteNumber("promptReadings", PolicyReader.ReadsTwice(metrics.PolicySetting) ? 2 : 1);

        void WriteIfThere(string name, double? value)
        {
            if (value is double number)
                writer.WriteNumber(name, number);
        }
    }
}
