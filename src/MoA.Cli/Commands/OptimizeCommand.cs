using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Models.Loading;
using MoA.Evaluation.Estimates;
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
        Description = "Instead: a folder with instance.json and instance.safetensors, losses and densities given; of the options of the search only " +
            "--max-rules-per-layer, --density-floor and --same-per-layer count then",
        HelpName = "DIR",
    };

    private readonly Option<double?> _timeLimit = new("--time-limit")
    {
        Description = "Seconds for the search, after which the best plans so far are taken with their gaps (default: a fixed amount of work, the same on every machine)",
        HelpName = "S",
    };

    private readonly Option<string?> _exportMps = new("--export-mps")
    {
        Description = "Also writes the integer programme, for any other solver, in free MPS format",
        HelpName = "FILE",
    };

    private readonly Option<int?> _exportLength = new("--export-length")
    {
        Description = "Profile length whose loss is minimised in --export-mps (default: the first)",
        HelpName = "N",
    };

    private readonly Option<string> _out = new("--out", "-o")
    {
        Description = "Folder for the plans; those that an earlier run wrote there are replaced",
        HelpName = "DIR",
        DefaultValueFactory = _ => "moa-out",
    };

    public OptimizeCommand(Streams streams)
        : base("optimize", "Finds the plans that lose least under the density bounds, with a proven bound on how far each optimum can be.", streams)
    {
        Examples =
        [
            "moa optimize --profile search --lengths 512,1024 --extend 2048 --density 0.5 --out plans",
            "moa optimize --problem instance --max-rules-per-layer none --json",
            "moa optimize --problem instance --time-limit 60 --export-mps plan.mps",
        ];
        Options.Add(_profile);
        Options.Add(_problem);
        Options.Add(ModelOptions.Model);
        SearchOptions.AddTo(this);
        Options.Add(_timeLimit);
        Options.Add(_exportMps);
        Options.Add(_exportLength);
        Options.Add(_out);
        Options.Add(DryRun.Option);
    }

    protected override void Run(CommandContext context)
    {
        TimeSpan? timeLimit = ReadTimeLimit(context);
        int? threads = GlobalOptions.ReadThreads(context);
        (PlanProblem problem, PlanModel? model) = ReadProblem(context);
        string folder = StepOptions.OutFolder(context, _out);
        if (DryRun.Asked(context))
        {
            DryRun.Show(context, SearchEstimate.OfPlanSearch(problem, folder, timeLimit, context.Get(_exportMps)));
            return;
        }

        Export(context, problem);
        OptimizationResult result = context.WithProgress(progress => ParetoSweep.Run(
            problem,
            new ParetoSweepOptions { TimeLimit = timeLimit, Threads = threads },
            sweep => progress(new StepProgress("optimize", "programmes", sweep.Done, sweep.Total, 0)),
            context.Cancellation));
        IReadOnlyList<string> files = PlanSearchStep.WritePlans(
            result, model is null ? HeadKind.Query : HeadKind.KeyValue, model, folder);
        if (context.Json)
            context.WriteJson(writer => WriteJson(writer, result, files));
        else
            WriteText(context, result, files);
    }

    private TimeSpan? ReadTimeLimit(CommandContext context) => context.Get(_timeLimit) switch
    {
        null => null,
        > 0 and < 1e8 and double seconds => TimeSpan.FromSeconds(seconds),
        double seconds => throw new InvalidInputException(
            string.Create(CultureInfo.InvariantCulture, $"--time-limit {seconds}: expected a number of seconds above 0")),
    };

    private void Export(CommandContext context, PlanProblem problem)
    {
        if (context.Get(_exportMps) is not string file)
            return;
        int[] lengths = [.. problem.Objectives.Select(objective => objective.Length)];
        int length = context.Get(_exportLength) ?? lengths[0];
        int objective = Array.IndexOf(lengths, length);
        if (objective < 0)
            throw new InvalidInputException($"--export-length {length}: expected one of {string.Join(", ", lengths)}");
        MpsFile.Save(file, problem, objective);
        context.Note($"moa: wrote {file}");
    }

    private (PlanProblem Problem, PlanModel? Model) ReadProblem(CommandContext context)
    {
        switch (context.Get(_profile), context.Get(_problem))
        {
            case (string profile, null):
                string path = ModelOptions.ModelPath(context);
                ModelConfig config = ModelFile.ReadConfig(path);
                SearchSettings settings = SearchOptions.Read(context, config);
                IReadOnlyList<InfluenceProfile> influence =
                    PlanSearchStep.ReadProfiles(profile, settings.ProfileLengths, config);
                settings = settings with { Block = context.Get(SearchOptions.Block) ?? influence.Max(read => read.Block) };
                settings.Check(config);
                if (settings.Remark(config) is string remark)
                    context.Note($"moa: {remark}");
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
        writer.WriteNumber("rules", result.Problem.Rules.Count);
        writer.WriteObjects("objectives", result.Objectives, static (writer, objective) =>
        {
            writer.WriteNumber("length", objective.Length);
            writer.WriteNumber("loss", objective.Loss);
            writer.WriteNumber("lowerBound", objective.LowerBound);
            writer.WriteNumber("relativeGap", objective.RelativeGap);
        });
        writer.WriteObjects("plans", result.Plans.Zip(files), (writer, entry) =>
        {
            (ParetoPlan plan, string file) = entry;
            writer.WriteString("file", file);
            WriteByLength(writer, "losses", result.Problem.Objectives.Select(objective => objective.Length), plan.Losses);
            WriteByLength(writer, "densities", result.Problem.Constraints.Select(constraint => constraint.Length), plan.Densities);
        });
        writer.WriteNumber("seconds", result.Elapsed.TotalSeconds);
    }

    private static void WriteByLength(Utf8JsonWriter writer, string name, IEnumerable<int> lengths, double[] values)
    {
        writer.WriteStartObject(name);
        foreach ((int length, double value) in lengths.Zip(values))
            writer.WriteNumber($"{length}", value);
        writer.WriteEndObject();
    }
}
