using System.CommandLine;
using System.Globalization;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Models;
using MoA.Evaluation.Retrieval;
using MoA.Search;
using MoA.Search.Calibration;
using MoA.Search.Pipeline;
using MoA.Search.Validation;

namespace MoA.Cli.Commands;

/// <summary><c>moa eval retrieval</c>: line retrieval as in LongEval.</summary>
internal sealed class EvalRetrievalCommand : CliCommand
{
    private readonly Option<int?> _items = new("--items")
    {
        Description = "Questions for each length (default: 100)",
        HelpName = "N",
    };

    public EvalRetrievalCommand(Streams streams)
        : base("retrieval", "Asks for numbers out of long records, under dense attention and under the chosen policy; with a plan also under " +
            "uniform spans of the same density.", streams)
    {
        Examples =
        [
            "moa eval retrieval --plan moa-out/plan.json --lengths 1024,2048",
            "moa eval retrieval --policy streaming-llm:density=0.5 --items 20 --json",
        ];
        KeepsFinishedWork = true;
        ModelOptions.AddTo(this);
        ModelOptions.AddPolicyTo(this);
        Options.Add(SearchOptions.Lengths);
        Options.Add(_items);
        Options.Add(StepOptions.Out);
    }

    protected override void Run(CommandContext context)
    {
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        AttentionPolicy policy = ModelOptions.ReadPolicy(context, model.Config);
        SearchSettings defaults = SearchSettings.DefaultsFor(model.Config);
        IReadOnlyList<int> lengths = context.Get(SearchOptions.Lengths) is string text
            ? Lists.Lengths("--lengths", text)
            : [.. new[] { defaults.ProfileLengths.Max(), defaults.ConstrainedLengths.Max() }.Distinct()];
        if (lengths.Max() > model.Config.MaxPositions)
        {
            throw new InvalidInputException(
                $"--lengths {lengths.Max()}: the model's context is {model.Config.MaxPositions} tokens; choose shorter lengths");
        }

        int items = CalibrationOptions.Positive(context, _items) ?? 100;
        string folder = StepOptions.OutFolder(context);
        using ResultJournal journal = ResultJournal.Open(Path.Combine(folder, "journal.jsonl"));
        List<RetrievalScore> scores = context.WithProgress(progress => Evaluate(progress, journal));
        if (context.Json)
            WriteJson(context, scores);
        else
            WriteText(context, scores);

        List<RetrievalScore> Evaluate(Action<StepProgress> progress, ResultJournal journal)
        {
            List<(int Length, AttentionPolicy Policy)> runs = [];
            foreach (int length in lengths)
            {
                runs.Add((length, new DensePolicy()));
                if (policy is not DensePolicy)
                    runs.Add((length, policy));
                if (policy is PlanPolicy)
                    runs.Add((length, UniformPlan.OfEqualDensity(policy, model.Config, length)));
            }

            RetrievalEvaluation evaluation = new(
                model, journal, ModelFingerprint.Of(model), ModelOptions.CacheType(context), progress)
            { Total = runs.Count * items };
            ulong seed = context.Get(GlobalOptions.Seed) ?? 0;
            return [.. runs.Select(run => evaluation.Run(
                run.Policy, RetrievalEvaluation.CreateSet(model, run.Length, items, seed), context.Cancellation))];
        }
    }

    private static void WriteText(CommandContext context, List<RetrievalScore> scores)
    {
        foreach (RetrievalScore score in scores)
        {
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{score.Policy,-14} at {score.Length,6}: {score.Correct}/{score.Items} = {score.Accuracy:P1} " +
                $"[{score.Interval.Low:P1}, {score.Interval.High:P1}]  density {score.Density:F3}  KV {score.KvBytes:N0} bytes"));
        }
    }

    private static void WriteJson(CommandContext context, List<RetrievalScore> scores) => context.WriteJson(writer =>
    {
        writer.WriteString("task", "retrieval");
        writer.WriteObjects("policies", scores, static (writer, score) =>
        {
            writer.WriteString("policy", score.Policy);
            writer.WriteNumber("length", score.Length);
            writer.WriteNumber("items", score.Items);
            writer.WriteNumber("accuracy", score.Accuracy);
            writer.WriteNumber("low", score.Interval.Low);
            writer.WriteNumber("high", score.Interval.High);
            writer.WriteNumber("density", score.Density);
            writer.WriteNumber("kvBytes", score.KvBytes);
        });
    });
}
