using System.Text.Json.Nodes;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Evaluation.Compression;
using MoA.Evaluation.Reports;
using MoA.Search.Pipeline;
using Xunit.Abstractions;

namespace MoA.Evaluation.Tests.Compression;

/// <summary>The whole job on the demo model with few and short items.</summary>
public sealed class CompressionRunTests(DemoModel demo, ITestOutputHelper output) : IClassFixture<DemoModel>
{
    internal static readonly CompressionSettings Settings = new()
    {
        Search = new SearchSettings { ProfileLengths = [256, 320], ExtensionLengths = [512], ValidationLength = 384, BetaCount = 5 },
        ItemsPerLength = 3,
        ValidationItems = 3,
        MaxAnswerTokens = 24,
        RetrievalLengths = [256],
        RetrievalItems = 2,
        MaxPlans = 4,
    };

    /// <summary>
    /// Stopped in every step and started again, the run ends with the same plan to the byte, and no token has gone through
    /// the model twice.
    /// </summary>
    [Fact]
    public void An_interrupted_run_ends_with_the_same_plan_and_repeats_nothing()
    {
        string whole = demo.NewPath(), pieces = demo.NewPath();
        Dictionary<string, long> expected = [], total = [];
        CompressionReport report = Run(whole, expected);
        output.WriteLine(string.Join(", ", expected.Select(step => $"{step.Key}: {step.Value} tokens")));
        Assert.Equal(["calibrate", "evaluate", "optimize", "profile", "validate"], expected.Keys.Order());
        Assert.All(expected, step => Assert.Equal(step.Key == "optimize", step.Value == 0));

        foreach ((string step, int after) in new[]
        {
            ("calibrate", 1), ("calibrate", 2), ("profile", 1), ("profile", 4), ("optimize", 2), ("validate", 1), ("validate", 5), ("evaluate", 1),
        })
        {
            _ = Assert.ThrowsAny<OperationCanceledException>(() => Run(pieces, total, step, after));
            Assert.Equal(step == "evaluate", File.Exists(Path.Combine(pieces, CompressionRun.PlanFileName))); // as soon as it is chosen
        }

        CompressionReport resumed = Run(pieces, total);
        Assert.Equal(expected, total);
        AssertSame(whole, pieces);
        Assert.Equal(report.Validation, resumed.Validation);

        Dictionary<string, long> again = [];
        _ = Run(pieces, again);
        Assert.All(again, step => Assert.Equal(0, step.Value));
        AssertSame(whole, pieces);
    }

    [Fact]
    public void The_report_holds_what_was_asked_for()
    {
        string folder = demo.NewPath();
        CompressionReport report = Run(folder, []);
        ModelPlan(folder, out AttentionPlan plan);
        foreach (int length in new[] { 256, 320, 512 })
            Assert.InRange(plan.StoredDensity(8, length), 0, 0.5);
        Assert.Contains(report.Validation, row => row.Name == "dense" && row.Density == 1);
        ReportPlan chosen = Assert.Single(report.Plans, row => row.Chosen);
        ReportValidation uniform = Assert.Single(report.Validation, row => row.Name == "uniform");
        Assert.True(uniform.Density >= report.Validation.Single(row => row.Name == chosen.File).Density);
        Assert.Equal(report.Plans.Min(row => row.ValidationLoss), chosen.ValidationLoss);
        Assert.Equal(["dense", "moa", "uniform"], report.Retrieval.Select(row => row.Policy));
        // The page draws what is kept in these blocks.
        Assert.All(report.Influence, map => Assert.Equal(map.Length, map.Blocks * report.Settings.BlockSize));
        Assert.True(report.Retrieval[2].KvBytes >= report.Retrieval[1].KvBytes);
        Assert.All(report.Commands.Skip(1).SkipLast(1), command =>
            Assert.Contains($"--model {demo.Model.Path} --kv bf16", command.Command, StringComparison.Ordinal));
        Assert.All(new[] { "plan.json", "report.json", "report.html", "journal.jsonl", "plans/plan-000.json" }, name =>
            Assert.True(File.Exists(Path.Combine(folder, name)), name));

        void ModelPlan(string from, out AttentionPlan read) => read = PlanFile.Load(Path.Combine(from, "plan.json")).Plan;
    }

    /// <summary>
    /// The demo's weights under a configuration with windows in two of four layers: the whole run, with rules for the
    /// others, bytes and densities that count all of them, and a plan that runs.
    /// </summary>
    [Fact]
    public void A_model_with_windows_goes_through_all_steps()
    {
        string model = demo.NewPath(), folder = demo.NewPath();
        _ = Directory.CreateDirectory(model);
        foreach (string file in Directory.EnumerateFiles(demo.Model.Path))
            File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        string config = Path.Combine(model, "config.json");
        JsonNode changed = JsonNode.Parse(File.ReadAllText(config))!;
        changed["model_type"] = "mistral";
        changed["architectures"] = new JsonArray("MistralForCausalLM");
        changed["sliding_window"] = 96;
        changed["layer_types"] = new JsonArray("sliding_attention", "full_attention", "sliding_attention", "full_attention");
        File.WriteAllText(config, changed.ToJsonString());

        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using LanguageModel windowed = LanguageModel.Load(model, backend);
        Assert.Equal([1, 3], windowed.Config.UnboundedLayers);
        CompressionReport report = new CompressionRun(windowed, Settings, folder, null).Run("1.0", "moa compress");
        AttentionPlan plan = PlanFile.Load(Path.Combine(folder, "plan.json")).Plan;
        Assert.All(new[] { 0, 2 }, layer => Assert.All(Enumerable.Range(0, 8), head => Assert.Equal(ElasticRule.Dense, plan[layer, head])));
        PlanPolicy policy = new(plan);
        foreach (int length in new[] { 256, 320, 512 })
            Assert.InRange(policy.Density(windowed.Config, length), 0, 0.5);
        Assert.Equal(96, report.Plan.Spans[256][0][0]);
        ReportValidation dense = Assert.Single(report.Validation, row => row.Name == "dense");
        Assert.Equal((2 + 2 * 96 / 384.0) / 4, dense.Density, 1e-12);
        foreach (ReportRetrieval row in report.Retrieval.Where(row => row.Policy is "dense" or "moa"))
        {
            AttentionPolicy ran = row.Policy == "dense" ? new DensePolicy() : policy;
            long bytes = SequenceCache.EstimateBytes(windowed.Config, ran, 256, ElementType.BF16);
            Assert.InRange(row.KvBytes, 0.9 * bytes, 1.1 * bytes);
        }
    }

    [Fact]
    public void What_cannot_end_does_not_begin()
    {
        string folder = demo.NewPath();
        CompressionSettings beyond = Settings with { RetrievalLengths = [256, 8192] };
        InvalidInputException failure = Assert.Throws<InvalidInputException>(
            () => new CompressionRun(demo.Model, beyond, folder, null).Run("1", "moa compress"));
        Assert.StartsWith("--retrieval-lengths 8192: the model's context is 4096", failure.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder));
        (beyond with { RetrievalItems = 0 }).Check(demo.Model.Config);

        CompressionSettings tooShort = Settings with { RetrievalLengths = [64] };
        failure = Assert.Throws<InvalidInputException>(() => new CompressionRun(demo.Model, tooShort, folder, null).Run("1", "moa compress"));
        Assert.StartsWith("--retrieval-lengths 64: the length 64 is too short", failure.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder));
    }

    private static void AssertSame(string expected, string actual)
    {
        foreach (string name in new[] { CompressionRun.PlanFileName, "calibration.jsonl", "validation.jsonl", "influence-320.safetensors", "influence-256.safetensors" })
            Assert.True(File.ReadAllBytes(Path.Combine(expected, name)).SequenceEqual(File.ReadAllBytes(Path.Combine(actual, name))), name);
    }

    // Runs until a step has reported a number of times, or to the end, and adds the tokens of every step to the totals.
    private CompressionReport Run(string folder, Dictionary<string, long> tokens, string? stopIn = null, int after = 0)
    {
        using CancellationTokenSource source = new();
        Dictionary<string, long> run = [];
        int reports = 0;
        try
        {
            return new CompressionRun(demo.Model, Settings, folder, step =>
            {
                Assert.InRange(step.Done, 0, step.Total);
                run[step.Step] = step.Tokens;
                if (step.Step == stopIn && ++reports == after)
                    source.Cancel();
            }).Run("1.0", "moa compress", source.Token);
        }
        finally
        {
            foreach ((string step, long count) in run)
                tokens[step] = tokens.GetValueOrDefault(step) + count;
        }
    }
}
