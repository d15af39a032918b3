using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Models;
using MoA.Search;
using MoA.Search.Optimization;
using MoA.Search.Pipeline;
using MoA.Search.Profiling;

namespace MoA.Cli.Commands;

/// <summary><c>moa optimize</c>: from influence to Pareto plans.</summary>
internal sealed class OptimizeCommand : CliCommand
{
    private readonly Option<string?> _profile = new("--profile")
    {
        Description = "Folder of influence-N.safetensors files, as moa profile writes them",
        HelpName = "DIR",
    };

    private readonly Option<string?> _problem = new("--problem")
    {
        Description = "Instead: a folder with instance.json and instance.safetensors, losses and densities given",
        HelpName = "DIR",
    };

    public OptimizeCommand(Streams streams)
        : base("optimize", "Finds the plans that lose least under the density bounds, with a proven bound on how far each optimum can be. " +
            "Example: moa optimize --profile profile --lengths 2048,4096,8192 --extend 16384 --density 0.5 --out plans", streams)
    {
        Options.Add(_profile);
        Options.Add(_problem);
        Options.Add(ModelOptions.Model);
        SearchOptions.AddTo(this);
        Options.Add(StepOptions.Out);
    }

    protected override void Run(CommandContext context)
    {
        string folder = StepOptions.OutFolder(context);
        (PlanProblem problem, PlanModel? model) = ReadProblem(context);
        OptimizationResult result = context.WithProgress(progress => ParetoSweep.Run(
            problem, null, sweep => progress(new StepProgress("optimize", $"{sweep.PlansFound} plans", sweep.Done, sweep.Total, 0)),
            context.Cancellation));
        IReadOnlyList<string> files = PlanSearchStep.WritePlans(result, model, folder);
        if (context.Json)
            context.WriteJson(writer => WriteJson(writer, result, files));
        else
            WriteText(context, result, files);
    }

    private (PlanProblem Problem, PlanModel? Model) ReadProblem(CommandContext context)
    {
        switch (context.Get(_profile), context.Get(_problem))
        {
            case (string profile, null):
                string path = ModelOptions.ModelPath(context);
                ModelConfig config = ModelConfig.Load(Path.Combine(path, "config.json"));
                SearchSettings settings = SearchOptions.Read(context, config);
                IReadOnlyList<InfluenceProfile> influence =
                    PlanSearchStep.ReadProfiles(profile, settings.ProfileLengths, config);
                return (PlanSearchStep.CreateProblem(influence, config, settings),
                    new PlanModel(influence[0].Model, config.Layers, config.QueryHeads, config.KeyValueHeads));
            case (null, string instance):
                PlanProblem problem = PlanProblem.Load(instance);
                return (problem.WithLimits(
                    SearchOptions.ReadMaxRules(context, 2), context.Get(SearchOptions.DensityFloor) ?? problem.DensityFloor,
                    context.Get(SearchOptions.SamePerLayer)), null);
            default:
                throw new InvalidInputException("give either --profile DIR or --problem DIR");
        }
    }

    private static void WriteText(CommandContext context, OptimizationResult result, IReadOnlyList<string> files)
    {
        context.Output.WriteLine($"{result.Problem.Rules.Count} rules for {result.Problem.Heads} heads");
        foreach (OptimalObjective objective in result.Objectives)
        {
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"least loss at {objective.Length,6}: {objective.Loss:G6} (proven at least {objective.LowerBound:G6}, gap {objective.RelativeGap:P4})"));
        }

        for (int i = 0; i < files.Count; i++)
        {
            ParetoPlan plan = result.Plans[i];
            string losses = string.Join("  ", result.Problem.Objectives.Select((objective, o) => string.Create(
                CultureInfo.InvariantCulture, $"{objective.Length}: {plan.Losses[o]:G6}")));
            string densities = string.Join("  ", result.Problem.Constraints.Select((constraint, c) => string.Create(
                CultureInfo.InvariantCulture, $"{constraint.Length}: {plan.Densities[c]:F4}")));
            context.Output.WriteLine($"{files[i]}  loss {losses}  density {densities}");
        }
    }

    private static void WriteJson(Utf8JsonWriter writer, OptimizationResult result, IReadOnlyList<string> files)
    {
        writer.WriteStartObject();
        writer.WriteNumber("rules", result.Problem.Rules.Count);
        writer.WriteStartArray("objectives");
        foreach (OptimalObjective objective in result.Objectives)
        {
            writer.WriteStartObject();
            writer.WriteNumber("length", objective.Length);
            writer.WriteNumber("loss", objective.Loss);
            writer.WriteNumber("lowerBound", objective.LowerBound);
            writer.WriteNumber("relativeGap", objective.RelativeGap);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("plans");
        for (int i = 0; i < files.Count; i++)
        {
            ParetoPlan plan = result.Plans[i];
            writer.WriteStartObject();
            writer.WriteString("file", files[i]);
            writer.WriteStartObject("losses");
            for (int o = 0; o < plan.Losses.Length; o++)
                writer.WriteNumber($"{result.Problem.Objectives[o].Length}", plan.Losses[o]);
            writer.WriteEndObject();
            writer.WriteStartObject("densities");
            for (int c = 0; c < plan.Densities.Length; c++)
                writer.WriteNumber($"{result.Problem.Constraints[c].Length}", plan.Densities[c]);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteNumber("seconds", result.Elapsed.TotalSeconds);
        writer.WriteEndObject();
    }
}
