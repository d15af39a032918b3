using System.Globalization;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Evaluation.Compression;
using MoA.Evaluation.Retrieval;
using MoA.Search;
using MoA.Search.Optimization;
using MoA.Search.Pipeline;
using MoA.Search.Profiling;

namespace MoA.Evaluation.Estimates;

/// <summary>What the search for a plan, or one of its steps, would take and write.</summary>
/// <param name="model">The model.</param>
/// <param name="speed">How fast it runs.</param>
/// <param name="cacheType">Format of the caches.</param>
/// <param name="folder">The folder that the run writes to.</param>
internal sealed class SearchEstimate(LanguageModel model, ModelSpeed speed, ElementType cacheType, string folder)
{
    private const int AnswersTogether = 8, QuestionsTogether = 10;

    private readonly List<EstimatedTime> _times = [];
    private readonly List<EstimatedMemory> _steps = [];
    private readonly List<string> _files = [];

    private ModelConfig Config => model.Config;

    /// <summary>The whole job.</summary>
    public RunEstimate OfCompression(CompressionSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        AddCalibration(settings.CalibrationStep);
        AddProfiling([.. settings.Search.ProfileLengths.Select(length => (length, Enumerable.Repeat(length, settings.ItemsPerLength)))], settings.MemoryLimit, settings.Search.Block);
        _times.Add(PlanSearch(null));
        _files.Add($"{Path.Combine(folder, "plans", "plan-*.json")} (at most {settings.MaxPlans}), {WrittenFiles.ListName}");
        // Where densities differ by length, the largest stands for all.
        ElasticRule rule = new(0, settings.Search.DensityBounds.Values.Max()) { Block = settings.Search.Block };
        AttentionPolicy plan = ContentPlanReader.Of(AttentionPlan.Uniform(Config.Layers, Config.KeyValueHeads, HeadKind.KeyValue, rule), settings.Scorer);
        AttentionPolicy uniform = new StreamingLlmPolicy(rule);
        AddValidation([new DensePolicy(), .. Enumerable.Repeat(plan, settings.MaxPlans), uniform],
            [.. Enumerable.Repeat(settings.Search.ValidationLength, settings.ValidationItems)]);
        if (settings.RetrievalItems > 0)
            AddRetrieval(settings, [new DensePolicy(), plan, uniform]);
        Add(CompressionRun.PlanFileName, CompressionRun.ReportFileName, CompressionRun.PageFileName);
        return Finish();
    }

    /// <summary>The calibrate step.</summary>
    public RunEstimate OfCalibration(CalibrationStepSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        AddCalibration(settings);
        return Finish();
    }

    /// <summary>The profile step.</summary>
    /// <param name="items">The lengths with the tokens of the items that are used at each.</param>
    /// <param name="memoryLimit">Bytes that profiling may take beside the weights; null for the default.</param>
    /// <param name="block">Tokens in a block by which influence is summed.</param>
    /// <param name="scorer">The scorer in whose order it is; null: in that of positions.</param>
    public RunEstimate OfProfiling(IReadOnlyList<(int Length, IEnumerable<int> Tokens)> items, long? memoryLimit, int block = ElasticRule.BlockSize, string? scorer = null)
    {
        ArgumentNullException.ThrowIfNull(items);
        AddProfiling(items, memoryLimit, block, scorer);
        return Finish();
    }

    /// <summary>The validate step.</summary>
    /// <param name="plans">The plans.</param>
    /// <param name="tokens">The items' tokens.</param>
    public RunEstimate OfValidation(IReadOnlyList<AttentionPolicy> plans, IReadOnlyList<int> tokens)
    {
        ArgumentNullException.ThrowIfNull(plans);
        ArgumentNullException.ThrowIfNull(tokens);
        AddValidation([new DensePolicy(), .. plans, plans[^1]], tokens);
        Add(CompressionRun.PlanFileName, ResultJournal.FileName);
        return Finish();
    }

    /// <summary>The optimise step.</summary>
    /// <param name="problem">What is searched.</param>
    /// <param name="folder">The folder of the plans.</param>
    /// <param name="limit">The time limit, or null for none.</param>
    /// <param name="programmeFile">A file for the programme itself, or null.</param>
    public static RunEstimate OfPlanSearch(PlanProblem problem, string folder, TimeSpan? limit, string? programmeFile)
    {
        ArgumentNullException.ThrowIfNull(problem);
        string[] programme = programmeFile is null ? [] : [programmeFile];
        return new RunEstimate
        {
            Memory =
            [
                new EstimatedMemory("losses of every rule for every head", sizeof(double) * (long)problem.Rules.Count * problem.Heads * problem.Objectives.Count),
            ],
            Times = [PlanSearch(limit)],
            Files = [.. programme, Path.Combine(folder, "plan-*.json"), Path.Combine(folder, WrittenFiles.ListName)],
            Basis = string.Create(CultureInfo.InvariantCulture,
                $"{problem.Rules.Count} rules for {problem.Heads} heads at {problem.Objectives.Count} profile lengths; no model runs"),
        };
    }

    private static EstimatedTime PlanSearch(TimeSpan? limit) => new("optimize", limit?.TotalSeconds, limit is null
        ? "the search ends when its optima are proven or a fixed amount of work is done: seconds for small models, minutes for large ones"
        : "at most, as --time-limit says");

    private void AddCalibration(CalibrationStepSettings settings)
    {
        DensePolicy dense = new();
        (int Length, int Items)[] sets =
            [.. settings.ProfileLengths.Select(length => (length, settings.ItemsPerLength)), (settings.ValidationLength, settings.ValidationItems)];
        int together = GroupOf(dense, sets.Max(set => set.Length), AnswersTogether);
        double seconds = 0;
        foreach ((int length, int items) in sets.Where(_ => !settings.KeepAnswers))
        {
            int group = GroupOf(dense, length, AnswersTogether), prompt = Math.Max(1, length - settings.MaxAnswerTokens);
            seconds += items * speed.Prefill(dense, prompt) + (double)items / group * speed.Decode(dense, length, settings.MaxAnswerTokens, group);
        }

        _times.Add(new EstimatedTime("calibrate", seconds, string.Create(CultureInfo.InvariantCulture,
            $"{sets.Sum(set => set.Items)} items{(settings.KeepAnswers ? ", answers kept" : $", answers of up to {settings.MaxAnswerTokens} tokens")}")));
        if (!settings.KeepAnswers)
            AddCaches("calibrate", dense, sets.Max(set => set.Length), together);
        Add(CalibrationStep.CalibrationFile, CalibrationStep.ValidationFile, ResultJournal.FileName);
    }

    private void AddProfiling(IReadOnlyList<(int Length, IEnumerable<int> Tokens)> items, long? memoryLimit, int block, string? scorer = null)
    {
        ContentPlanPolicy? content = scorer is null ? null : ProfileRun.ContentOf(scorer, model.Config);
        double seconds = 0;
        int count = 0;
        foreach ((int length, IEnumerable<int> all) in items)
        {
            int[] tokens = [.. all];
            count += tokens.Length;
            seconds += tokens.Sum(speed.Profile);
            int longest = tokens.Max();
            ProfilerMemory memory = ProfilerMemory.Of(model.Loaded, model.Transformer.Backend, longest, length, block, content);
            bool spills = memory.Spills(memoryLimit, model.Transformer.Backend, longest, length);
            _steps.Add(new EstimatedMemory("profiling", memory.Working + memory.BlockSums + (spills ? 0 : memory.Kept)));
            string spilled = spills ? string.Create(CultureInfo.InvariantCulture, $"; meanwhile a temporary file of {memory.Kept / 1048576.0:N0} MiB") : "";
            _files.Add(InfluenceFile.PathFor(folder, length) + spilled);
        }

        _times.Add(new EstimatedTime("profile", seconds, $"{count} items"));
    }

    private void AddValidation(IReadOnlyList<AttentionPolicy> policies, IReadOnlyList<int> tokens)
    {
        _times.Add(new EstimatedTime(
            "validate", policies.Sum(policy => tokens.Sum(count => speed.Prefill(policy, count))), $"{tokens.Count} items under {policies.Count} policies{ByContent(policies)}"));
        foreach (AttentionPolicy policy in policies)
            AddCaches("validate", policy, tokens.Max(), 1);
    }

    private void AddRetrieval(CompressionSettings settings, AttentionPolicy[] policies)
    {
        double seconds = 0;
        foreach (int length in settings.RetrievalLengths)
        {
            foreach (AttentionPolicy policy in policies)
            {
                int group = GroupOf(policy, length, QuestionsTogether);
                seconds += settings.RetrievalItems * speed.Prefill(policy, length)
                    + (double)settings.RetrievalItems / group * speed.Decode(policy, length, RetrievalEvaluation.MaxAnswerTokens, group);
                AddCaches("retrieval", policy, length + RetrievalEvaluation.MaxAnswerTokens, group);
            }
        }

        _times.Add(new EstimatedTime(
            "evaluate", seconds, $"{settings.RetrievalItems * settings.RetrievalLengths.Count} questions under {policies.Length} policies{ByContent(policies)}"));
    }

    private int GroupOf(AttentionPolicy policy, int length, int most) => (int)Math.Clamp(
        SequenceGroups.BudgetBytes / Math.Max(1, SequenceCache.EstimateBytes(Config, policy, length, cacheType)), 1, most);

    private void AddCaches(string step, AttentionPolicy policy, int length, int sequences) => _steps.Add(new EstimatedMemory(
        $"KV caches ({step})", CacheMemory.Peak(Config, policy, Enumerable.Repeat(length, sequences), cacheType)));

    private static string ByContent(IEnumerable<AttentionPolicy> policies) =>
        policies.OfType<ContentPlanPolicy>().FirstOrDefault() is ContentPlanPolicy plan ? $", plans by content ({plan.Scorer.Name})" : "";

    private void Add(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
            _files.Add(Path.Combine(folder, name));
    }

    private RunEstimate Finish() => new()
    {
        Memory = [.. ModelMemory.Of(model), _steps.MaxBy(step => step.Bytes) ?? new EstimatedMemory("KV caches", 0)],
        Times = _times,
        Files = [.. _files.Distinct()],
        Basis = speed.Basis,
    };
}
