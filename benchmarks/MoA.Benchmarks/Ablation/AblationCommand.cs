using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Search;
using MoA.Search.Calibration;
using MoA.Search.Optimization;
using MoA.Search.Pipeline;
using MoA.Search.Profiling;
using MoA.Search.Validation;
using Spectre.Console;

namespace MoA.Benchmarks.Ablation;

/// <summary>
/// <c>ablation</c>: what the search's predictions are worth, and what rules per head gain over rules per layer and one rule
/// for all, as in the paper's ablation.
/// </summary>
internal sealed class AblationCommand : Command
{
    private readonly Option<string> _model = new("--model", "-m") { HelpName = "PATH", Required = true };

    private readonly Option<string> _profile = new("--profile")
    {
        Description = "Folder of influence-N.safetensors files, as moa profile writes them",
        HelpName = "DIR",
        Required = true,
    };

    private readonly Option<string> _data = new("--data", "-d")
    {
        Description = "Items to measure on (.jsonl), others than those of the profile",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<int> _length = new("--length")
    {
        Description = "Profile length: predictions and measurements are made there",
        HelpName = "N",
        DefaultValueFactory = _ => 1024,
    };

    private readonly Option<string> _densities = new("--densities")
    {
        Description = "Density bounds, at the length and at twice the length",
        HelpName = "D,D,…",
        DefaultValueFactory = _ => "0.5,0.25",
    };

    private readonly Option<int> _plans = new("--plans")
    {
        Description = "Random plans for each density",
        HelpName = "N",
        DefaultValueFactory = _ => 30,
    };

    private readonly Option<int> _seed = new("--seed") { HelpName = "N", DefaultValueFactory = _ => 0 };

    private readonly Option<bool> _json = new("--json") { Description = "One JSON document on standard output, nothing else there" };

    public AblationCommand()
        : base("ablation", "Measures predicted against measured loss for random plans, and rules per head, per layer and for all heads.")
    {
        foreach (Option option in new Option[] { _model, _profile, _data, _length, _densities, _plans, _seed, _json })
            Options.Add(option);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        try
        {
            using ComputeBackend backend = ComputeBackend.CreateCpu(Environment.ProcessorCount);
            using LanguageModel model = LanguageModel.Load(parsed.GetValue(_model)!, backend);
            double[] bounds =
                [.. parsed.GetValue(_densities)!.Split(',').Select(text => double.Parse(text, CultureInfo.InvariantCulture))];
            List<AblationRow> rows = Measure(parsed, model, bounds);
            if (parsed.GetValue(_json))
                WriteJson(rows, bounds);
            else
                WriteTable(rows, bounds);
            return 0;
        }
        catch (InvalidInputException exception)
        {
            Console.Error.WriteLine(exception.Message);
            return Program.BadArguments;
        }
    }

    private List<AblationRow> Measure(ParseResult parsed, LanguageModel model, double[] bounds)
    {
        int length = parsed.GetValue(_length);
        string data = parsed.GetValue(_data)!;
        EncodedItem[] items =
            [.. CalibrationStep.Read(model, data).Where(item => CalibrationSummary.IsUsedAt(item.Tokens.Length, length))];
        if (items.Length == 0)
            throw new InvalidInputException($"{data}: no item of {length / 2 + 1} to {length} tokens");
        IReadOnlyList<InfluenceProfile> profiles = PlanSearchStep.ReadProfiles(parsed.GetValue(_profile)!, [length], model.Config);
        using ResultJournal journal = ResultJournal.Open(Path.Combine(parsed.GetValue(_profile)!, "ablation.jsonl"));
        Validator validator = new(model, journal, ModelFingerprint.Of(model), ElementType.BF16, null);
        PolicyScore dense = validator.Score(ValidationStep.Dense, new DensePolicy(), items, length);
        List<AblationRow> rows = [Row("dense", 1, 0, dense)];
        Random random = new(parsed.GetValue(_seed));
        foreach (double bound in bounds)
        {
            PlanProblem problem = PlanSearchStep.CreateProblem(profiles, model.Config, new SearchSettings
            {
                ProfileLengths = [length],
                ExtensionLengths = [2 * length],
                ValidationLength = length,
                Density = bound,
            });
            AttentionPolicy best = Add("head", problem.WithLimits(null, null));
            Add("head-2", problem.WithLimits(2, null));
            Add("layer", problem.WithLimits(null, null, samePerLayer: true));
            PlanProblem alike = problem.WithLimits(null, null);
            StreamingLlmPolicy uniform = UniformPlan.OfEqualDensity(best, model.Config, length);
            rows.Add(Row("uniform", bound, PredictedUniform(profiles[0], model.Config, uniform, length), Score("uniform", uniform)));
            for (int i = 0; i < parsed.GetValue(_plans); i++)
                AddPlan("random", alike, RandomPlans.Draw(problem.WithLimits(2, null), random));

            AttentionPolicy Add(string kind, PlanProblem limited) => AddPlan(kind, limited, PlanSolver.Solve(limited, 0).RuleOfHead);

            AttentionPolicy AddPlan(string kind, PlanProblem limited, int[] ruleOfHead)
            {
                PlanPolicy policy = new(limited.ToPlan(ruleOfHead, HeadKind.KeyValue));
                rows.Add(Row(kind, bound, limited.LossesOf(ruleOfHead)[0], Score(kind, policy)));
                return policy;
            }
        }

        return rows;

        PolicyScore Score(string kind, AttentionPolicy policy)
        {
            Console.Error.WriteLine($"{rows.Count} {kind}");
            return validator.Score(kind, policy, items, length);
        }

        AblationRow Row(string kind, double bound, double predicted, PolicyScore score)
        {
            double[] changes = [.. score.ItemLosses.Zip(dense.ItemLosses, (a, b) => a - b)];
            IEnumerable<double[]> groups = items
                .Select((item, i) => (Set: item.Item.Dataset ?? item.Item.Kind ?? "", Change: changes[i]))
                .GroupBy(entry => entry.Set, (_, entries) => entries.Select(entry => entry.Change).ToArray());
            return new AblationRow(kind, bound, score.Density, predicted, score.Loss, MeanInterval.OfGroups(groups));
        }
    }

    private static double PredictedUniform(InfluenceProfile profile, ModelConfig config, AttentionPolicy policy, int length) =>
        RuleLoss.Compute(profile.Values, config.Layers, config.QueryHeads, length, [policy.RuleOf(0, 0, config, length)]).Sum();

    private static double Correlation(List<AblationRow> rows, double bound)
    {
        AblationRow[] random = [.. rows.Where(row => row.Kind == "random" && row.Bound == bound)];
        return RankCorrelation.Of([.. random.Select(row => row.Predicted)], [.. random.Select(row => row.Change.Mean)]);
    }

    private static void WriteTable(List<AblationRow> rows, double[] bounds)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("rules", "bound", "density", "predicted", "measured change", "95 % interval");
        foreach (AblationRow row in rows)
        {
            table.AddRow(
                row.Kind, Text(row.Bound, "0.##"), Text(row.Density, "F3"), Text(row.Predicted, "F4"), Text(row.Change.Mean, "F4"),
                $"{Text(row.Change.Low, "F4")} … {Text(row.Change.High, "F4")}");
        }

        AnsiConsole.Write(table);
        foreach (double bound in bounds)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"density {bound}: rank correlation of predicted and measured loss {Correlation(rows, bound):F3} " +
                $"({rows.Count(row => row.Kind == "random" && row.Bound == bound)} random plans)"));
        }
    }

    private static void WriteJson(List<AblationRow> rows, double[] bounds)
    {
        using Utf8JsonWriter writer = new(Console.OpenStandardOutput(), new JsonWriterOptions { Indented = true });
        writer.WriteStartObject();
        writer.WriteStartArray("rows");
        foreach (AblationRow row in rows)
        {
            writer.WriteStartObject();
            writer.WriteString("rules", row.Kind);
            writer.WriteNumber("bound", row.Bound);
            writer.WriteNumber("density", row.Density);
            writer.WriteNumber("predicted", row.Predicted);
            writer.WriteNumber("loss", row.Measured.Mean);
            writer.WriteNumber("change", row.Change.Mean);
            writer.WriteNumber("low", row.Change.Low);
            writer.WriteNumber("high", row.Change.High);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("rankCorrelations");
        foreach (double bound in bounds)
        {
            writer.WriteStartObject();
            writer.WriteNumber("bound", bound);
            writer.WriteNumber("spearman", Correlation(rows, bound));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
