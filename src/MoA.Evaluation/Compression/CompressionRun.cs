using System.Diagnostics;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Generation;
using MoA.Evaluation.Reports;
using MoA.Evaluation.Retrieval;
using MoA.Search;
using MoA.Search.Calibration;
using MoA.Search.Optimization;
using MoA.Search.Pipeline;
using MoA.Search.Profiling;
using MoA.Search.Units;
using MoA.Search.Validation;

namespace MoA.Evaluation.Compression;

/// <summary>
/// The main job: calibrate, profile, optimise, validate, evaluate, report. Everything goes to one folder; a run that was
/// interrupted goes on when it is started again with the same settings, and ends with the same plan.
/// </summary>
/// <param name="model">The model, which nobody else runs meanwhile.</param>
/// <param name="settings">What is asked for.</param>
/// <param name="folder">Where everything goes; made if it is not there.</param>
/// <param name="progress">Told of every finished piece.</param>
public sealed class CompressionRun(LanguageModel model, CompressionSettings settings, string folder, Action<StepProgress>? progress)
{
    /// <summary>Name of the chosen plan's file.</summary>
    public const string PlanFileName = "plan.json";

    /// <summary>Name of the report for programs.</summary>
    public const string ReportFileName = "report.json";

    /// <summary>Name of the report for people.</summary>
    public const string PageFileName = "report.html";

    private readonly List<ReportTiming> _timings = [];
    private IReadOnlyList<string> _planFiles = [];

    /// <summary>What was left out of each data file, once calibration is done.</summary>
    public IReadOnlyList<SkippedItems> Skipped { get; private set; } = [];

    /// <summary>Others who compute what the folder lacks: the members of a cluster. Null for none.</summary>
    internal IUnitWorkers? Workers { get; init; }

    /// <summary>Runs all steps and writes <c>plan.json</c>, <c>report.json</c> and <c>report.html</c>.</summary>
    /// <param name="cancellation">Checked between forward passes; what was finished counts the next time.</param>
    /// <exception cref="InvalidInputException">Settings do not fit the model, or a file cannot be read or written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public CompressionReport Run(CancellationToken cancellation = default) =>
        Run(typeof(CompressionRun).Assembly.GetName().Version!.ToString(3), nameof(CompressionRun), cancellation);

    /// <summary>The same for a program with a name.</summary>
    /// <param name="toolVersion">Version of the program, for the report.</param>
    /// <param name="command">The command line, for the report.</param>
    /// <param name="cancellation">Checked between forward passes.</param>
    internal CompressionReport Run(string toolVersion, string command, CancellationToken cancellation = default)
    {
        settings.Check(model.Config);
        RetrievalSet[] questions = CreateQuestions(); // lengths that have no room for one are refused before anything runs
        OutputFolder.Create(folder);
        using ResultJournal journal = ResultJournal.OpenIn(
            folder, CalibrationStep.CalibrationFile, CalibrationStep.ValidationFile, PlanFileName, ReportFileName, PageFileName);
        CalibrationSets sets = Timed("calibrate", () => CalibrationStep.Run(
            model, settings.CalibrationStep, journal, folder, progress, Workers, cancellation));
        Skipped = sets.Skipped;
        ProfileReport profile = Timed("profile", () => ProfileStep.Run(
            model, sets.Calibration, settings.Search.ProfileLengths, folder, progress, Workers, settings.MemoryLimit, settings.Search.Block, cancellation: cancellation));
        IReadOnlyList<InfluenceProfile> influence =
            PlanSearchStep.ReadProfiles(folder, settings.Search.ProfileLengths, model.Config);
        OptimizationResult optimum = Timed("optimize", () => Optimize(influence, cancellation));
        ValidationOutcome validation = Timed("validate", () => Validate(optimum, sets, journal, cancellation));
        PlanDocument chosen = Document(optimum, validation);
        PlanFile.Save(Path.Combine(folder, PlanFileName), chosen);
        IReadOnlyList<RetrievalScore> retrieval = Timed("evaluate", () => Evaluate(chosen.Plan, questions, journal, cancellation));

        CompressionReport report = new ReportBuilder(model, settings, folder)
        {
            Sets = sets,
            Profile = profile,
            Influence = influence,
            Optimum = optimum,
            Validation = validation,
            Plan = chosen.Plan,
            Retrieval = retrieval,
            Timings = [.. _timings],
        }.Build(toolVersion, command);
        report.Write(Path.Combine(folder, ReportFileName));
        ReportPage.Write(report, Path.Combine(folder, PageFileName));
        return report;
    }

    private OptimizationResult Optimize(IReadOnlyList<InfluenceProfile> influence, CancellationToken cancellation)
    {
        OptimizationResult found = ParetoSweep.Run(
            PlanSearchStep.CreateProblem(influence, model.Config, settings.Search),
            new ParetoSweepOptions { Threads = model.Transformer.Backend.Threads },
            sweep => progress?.Invoke(new StepProgress("optimize", "programmes", sweep.Done, sweep.Total, 0)),
            cancellation);
        OptimizationResult validated = found with { Plans = found.Spread(settings.MaxPlans) };
        _planFiles = PlanSearchStep.WritePlans(validated, HeadKind.KeyValue, PlanModelOf(model), Path.Combine(folder, "plans"));
        return validated;
    }

    private ValidationOutcome Validate(
        OptimizationResult optimum, CalibrationSets sets, ResultJournal journal, CancellationToken cancellation)
    {
        (string, AttentionPolicy)[] plans = [.. optimum.Plans.Select((plan, i) =>
            (Path.GetFileName(_planFiles[i]), ContentPlanReader.Of(optimum.Problem.ToPlan(plan.RuleOfHead, HeadKind.KeyValue), settings.Scorer)))];
        return ValidationStep.Run(
            model, plans, sets.Validation, settings.Search.ValidationLength, journal, settings.CacheType, progress, Workers, cancellation);
    }

    private PlanDocument Document(OptimizationResult optimum, ValidationOutcome validation)
    {
        PlanDocument document = optimum.ToDocument(
            optimum.Plans[validation.Chosen], HeadKind.KeyValue, PlanModelOf(model));
        return document with
        {
            Scorer = settings.Scorer,
            Search = document.Search! with
            {
                ValidationLength = settings.Search.ValidationLength,
                ValidationLoss = validation.Plans[validation.Chosen].Loss.Mean,
            },
        };
    }

    private RetrievalSet[] CreateQuestions() => settings.RetrievalItems == 0
        ? []
        : [.. settings.RetrievalLengths.Select(CreateQuestions)];

    private RetrievalSet CreateQuestions(int length)
    {
        try
        {
            return RetrievalEvaluation.CreateSet(model, length, settings.RetrievalItems, settings.Seed);
        }
        catch (InvalidInputException failure)
        {
            throw new InvalidInputException($"--retrieval-lengths {length}: {failure.Message}, or --retrieval-items 0", failure);
        }
    }

    private List<RetrievalScore> Evaluate(AttentionPlan plan, RetrievalSet[] questions, ResultJournal journal, CancellationToken cancellation)
    {
        if (questions.Length == 0)
            return [];
        RetrievalEvaluation evaluation = new(
            model, journal, ModelFingerprint.Of(model), settings.CacheType, Workers is null ? progress : StepProgress.Rising(progress))
        {
            Workers = Workers,
            Total = questions.Sum(set => set.Items.Count) * 3,
        };
        AttentionPolicy moa = ContentPlanReader.Of(plan, settings.Scorer);
        (RetrievalSet Set, AttentionPolicy Policy)[] runs =
        [
            .. from set in questions
               from policy in new AttentionPolicy[] { new DensePolicy(), moa, UniformPlan.OfEqualDensity(moa, model.Config, set.TargetTokens) }
               select (set, policy),
        ];
        evaluation.Share(runs, cancellation);
        return [.. runs.Select(run => evaluation.Run(run.Policy, run.Set, cancellation))];
    }

    private T Timed<T>(string step, Func<T> work)
    {
        long start = Stopwatch.GetTimestamp();
        T result = work();
        _timings.Add(new ReportTiming(step, Math.Round(Stopwatch.GetElapsedTime(start).TotalSeconds, 2)));
        return result;
    }

    private static PlanModel PlanModelOf(LanguageModel model) =>
        new(model.Name, model.Config.Layers, model.Config.QueryHeads, model.Config.KeyValueHeads);
}
