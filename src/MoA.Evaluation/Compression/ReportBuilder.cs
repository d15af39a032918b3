using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Evaluation.Reports;
using MoA.Evaluation.Retrieval;
using MoA.Search.Calibration;
using MoA.Search.Optimization;
using MoA.Search.Pipeline;
using MoA.Search.Profiling;
using MoA.Search.Validation;

namespace MoA.Evaluation.Compression;

/// <summary>Gathers what the steps of a compression found into its report.</summary>
internal sealed class ReportBuilder(LanguageModel model, CompressionSettings settings, string folder)
{
    public required CalibrationSets Sets { get; init; }

    public required ProfileReport Profile { get; init; }

    public required IReadOnlyList<InfluenceProfile> Influence { get; init; }

    public required OptimizationResult Optimum { get; init; }

    public required ValidationOutcome Validation { get; init; }

    public required AttentionPlan Plan { get; init; }

    public required IReadOnlyList<RetrievalScore> Retrieval { get; init; }

    public required ReportTiming[] Timings { get; init; }

    private ModelConfig Config => model.Config;

    private int[] Lengths => [.. settings.Search.ConstrainedLengths.Append(settings.Search.ValidationLength).Distinct().Order()];

    public CompressionReport Build(string toolVersion, string command) => new()
    {
        ToolVersion = toolVersion,
        Model = new ReportModel(
            model.Name, Config.Layers, Config.QueryHeads, Config.KeyValueHeads, Config.HeadSize, model.Loaded.Weights.Parameters),
        Settings = new ReportSettings
        {
            ProfileLengths = [.. settings.Search.ProfileLengths],
            ExtensionLengths = [.. settings.Search.ExtensionLengths],
            ValidationLength = settings.Search.ValidationLength,
            DensityBounds = settings.Search.DensityBounds,
            MaxRulesPerLayer = settings.Search.MaxRulesPerLayer,
            SinkTokens = settings.Search.Block,
            BlockSize = settings.Search.Block,
            Seed = (long)settings.Seed,
            CalibrationData = settings.DataFile ?? "generated documents",
            ItemsPerLength = Profile.Results.ToDictionary(result => result.Length, result => result.Items),
        },
        Timings = Timings,
        Calibration = [.. Profile.Results.Select(Calibration)],
        Rules = Optimum.Problem.Rules.Count,
        Objectives = [.. Optimum.Objectives.Select(objective =>
            new ReportObjective(objective.Length, objective.Loss, objective.LowerBound, objective.RelativeGap))],
        Plans = [.. Optimum.Plans.Select(ParetoPlan)],
        Seconds = Math.Round(Optimum.Elapsed.TotalSeconds, 3),
        Plan = ChosenPlan(),
        Validation = [.. Validation.Plans.Prepend(Validation.Dense).Append(Validation.Uniform).Select(score => new ReportValidation(
            score.Name, settings.Search.ValidationLength, score.Loss.Mean, score.Loss.Low, score.Loss.High, score.Density)
        {
            Items = score.ItemLosses.Count,
            Difference = score.Difference?.Mean,
            DifferenceInterval = score.Difference is MeanInterval difference ? new ReportInterval(difference.Low, difference.High) : null,
        })],
        Retrieval = [.. Retrieval.Select(RetrievalRow)],
        Influence = [.. InfluenceMaps()],
        Notes = [.. Notes()],
        Commands = [.. Commands(command)],
    };

    private ReportCalibration Calibration(ProfileResult result)
    {
        EncodedItem[] used = [.. Sets.Calibration.Where(item => CalibrationSummary.IsUsedAt(item.Length, result.Length))];
        return new ReportCalibration(
            result.Length, result.Items, Sets.Calibration.Count(item => !settings.Search.ProfileLengths.Any(
                length => CalibrationSummary.IsUsedAt(item.Length, length))),
            used.Average(item => item.Length), used.Average(item => item.Scored), result.MeanLoss, Sets.OwnAnswers);
    }

    private ReportPlan ParetoPlan(ParetoPlan plan, int index)
    {
        MeanInterval loss = Validation.Plans[index].Loss;
        return new ReportPlan(
            Validation.Plans[index].Name,
            Optimum.Problem.Objectives.Select((objective, i) => (objective.Length, plan.Losses[i])).ToDictionary(),
            Optimum.Problem.Constraints.Select((constraint, i) => (constraint.Length, plan.Densities[i])).ToDictionary(),
            loss.Mean, new ReportInterval(loss.Low, loss.High), index == Validation.Chosen);
    }

    private ReportChosenPlan ChosenPlan()
    {
        ElasticRule[][] rules = [.. Enumerable.Range(0, Plan.Layers)
            .Select(layer => Enumerable.Range(0, Plan.HeadsPerLayer).Select(head => Plan[layer, head]).ToArray())];
        return new ReportChosenPlan(
            Plan.HeadKind,
            [.. rules.Select(layer => layer.Select(rule => rule.Alpha).ToArray())],
            [.. rules.Select(layer => layer.Select(rule => rule.Beta).ToArray())],
            Lengths.ToDictionary(length => length, length => rules.Select(
                (layer, index) => layer.Select(rule => Math.Min(rule.Rows(length), Config.SlidingWindow(index) ?? int.MaxValue)).ToArray()).ToArray()),
            Lengths.ToDictionary(length => length, length => new PlanPolicy(Plan).Density(Config, length)));
    }

    private static ReportRetrieval RetrievalRow(RetrievalScore score)
    {
        string name = score.Policy == StreamingLlmPolicy.CommandName ? ValidationStep.Uniform : score.Policy;
        return new ReportRetrieval(
            name, score.Length, score.Items, score.Correct, score.Accuracy, score.Interval.Low, score.Interval.High,
            score.Density, score.KvBytes, score.ByDepth);
    }

    private IEnumerable<ReportInfluence> InfluenceMaps()
    {
        InfluenceProfile longest = Influence.MaxBy(profile => profile.Length)!.InBlocks(settings.Search.Block);
        (int Layer, int Head)[] heads = [.. Enumerable.Range(0, Plan.Layers)
            .SelectMany(layer => Enumerable.Range(0, Plan.HeadsPerLayer).Select(head => (layer, head)))];
        int Rows((int Layer, int Head) head) => Plan[head.Layer, head.Head].Rows(longest.Length);
        yield return Map(heads.MinBy(Rows), "shortest");
        yield return Map(heads.MaxBy(Rows), "longest");

        ReportInfluence Map((int Layer, int Head) head, string kind) => new(
            head.Layer, head.Head, kind, longest.Length, longest.Blocks, Triangle(longest, head.Layer, head.Head), Rows(head));
    }

    // A KV head's influence is the sum over the query heads of its group.
    private float[][] Triangle(InfluenceProfile profile, int layer, int head)
    {
        int group = Config.QueryHeads / Plan.HeadsPerLayer;
        float[][] rows = new float[profile.Blocks][];
        for (int i = 0; i < rows.Length; i++)
        {
            rows[i] = new float[i + 1];
            for (int query = head * group; query < (head + 1) * group; query++)
            {
                for (int j = 0; j <= i; j++)
                    rows[i][j] += profile.Head(layer, query)[i * profile.Blocks + j];
            }
        }

        return rows;
    }

    private IEnumerable<string> Notes()
    {
        if (Sets.OwnAnswers)
            yield return "The answers that were profiled and validated on are the dense model's own, greedily decoded.";
        foreach (SkippedItems skipped in Sets.Skipped)
        {
            if (skipped.Describe() is string line)
                yield return $"{line}.";
        }

        yield return "Losses of plans are first-order predictions from influence; validation losses are measured with the plans running.";
        yield return "The uniform plan gives every head the same span and stores at least as many rows as the chosen plan.";
        if (settings.DataFile is null)
            yield return "Retrieval items share no document and no answer with those that were profiled or validated on.";
        yield return "Timings are those of the last run; pieces that an interrupted run had finished before cost nothing in it.";
    }

    private IEnumerable<ReportCommand> Commands(string command)
    {
        yield return new ReportCommand("everything", command);
        string data = InFolder(CalibrationStep.ValidationFile), plan = InFolder(CompressionRun.PlanFileName);
        string with = $"--model {Quoted(model.Path)} --kv {settings.CacheType.Name()}";
        yield return new ReportCommand(
            "validation", $"moa validate {with} --plans {InFolder("plans")} --data {data} --length {settings.Search.ValidationLength}");
        if (settings.RetrievalItems > 0)
        {
            yield return new ReportCommand(
                "retrieval", $"moa eval retrieval {with} --plan {plan} --lengths {string.Join(',', settings.RetrievalLengths)} " +
                $"--items {settings.RetrievalItems} --seed {settings.Seed}");
        }

        yield return new ReportCommand("spans", $"moa plan show {plan} --lengths {string.Join(',', Lengths)}");
    }

    private string InFolder(string name) => Quoted(Path.Combine(folder, name));

    private static string Quoted(string path) => path.Contains(' ', StringComparison.Ordinal) ? $"'{path}'" : path;
}
