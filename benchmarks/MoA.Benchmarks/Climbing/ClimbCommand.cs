using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Search;
using MoA.Search.Calibration;
using MoA.Search.Pipeline;
using MoA.Search.Validation;

namespace MoA.Benchmarks.Climbing;

/// <summary>
/// <c>climb</c>: what a plan of spans could reach at one length, by measured losses alone. Heads trade rows with each other, and what loses less on
/// many items stays; other items then say what of the gain was real.
/// </summary>
internal sealed class ClimbCommand : Command
{
    private readonly Option<string> _model = new("--model", "-m") { HelpName = "PATH", Required = true };

    private readonly Option<string> _plan = new("--plan") { Description = "The plan to start from", HelpName = "FILE", Required = true };

    private readonly Option<string> _data = new("--data", "-d")
    {
        Description = "Items (.jsonl); every second one is held out",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<int> _length = new("--length") { HelpName = "N", DefaultValueFactory = _ => 1024 };

    private readonly Option<int> _seconds = new("--seconds") { Description = "How long to climb", HelpName = "S", DefaultValueFactory = _ => 600 };

    private readonly Option<string> _out = new("--out", "-o")
    {
        Description = "Folder for the journal and the plan that was reached",
        HelpName = "DIR",
        DefaultValueFactory = _ => "climb",
    };

    private readonly Option<int> _seed = new("--seed") { HelpName = "N", DefaultValueFactory = _ => 0 };

    public ClimbCommand()
        : base("climb", "Improves a plan at one length by moves that measured losses accept, and checks the gain on items held out.")
    {
        foreach (Option option in new Option[] { _model, _plan, _data, _length, _seconds, _out, _seed })
            Options.Add(option);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        try
        {
            using ComputeBackend backend = ComputeBackend.CreateCpu(Environment.ProcessorCount);
            using LanguageModel model = LanguageModel.Load(parsed.GetValue(_model)!, backend);
            string path = parsed.GetValue(_plan)!, data = parsed.GetValue(_data)!;
            int length = parsed.GetValue(_length);
            AttentionPlan start = PlanFile.Load(path).FitTo(model.Config.Layers, model.Config.QueryHeads, model.Config.KeyValueHeads, path);
            EncodedItem[] items = [.. CalibrationStep.Read(model, data).Where(item => CalibrationSummary.IsUsedAt(item.Tokens.Length, length))];
            if (items.Length < 4)
                throw new InvalidInputException($"{data}: {items.Length} items of {length / 2 + 1} to {length} tokens; expected at least 4");
            Directory.CreateDirectory(parsed.GetValue(_out)!);
            using ResultJournal journal = ResultJournal.Open(Path.Combine(parsed.GetValue(_out)!, "climb.jsonl"));
            Validator validator = new(model, journal, ModelFingerprint.Of(model), ElementType.BF16, null);
            EncodedItem[] climbed = [.. items.Where((_, i) => i % 2 == 0)], heldOut = [.. items.Where((_, i) => i % 2 == 1)];
            RowPlan reached = Climb(new RowPlan(start, length), validator, climbed, parsed.GetValue(_seconds), new Random(parsed.GetValue(_seed)));
            PlanFile.Save(Path.Combine(parsed.GetValue(_out)!, "plan.json"), new PlanDocument(reached.ToPlan()));
            foreach ((string name, EncodedItem[] set) in new[] { ("climbed on", climbed), ("held out", heldOut) })
            {
                PlanRace race = new(set);
                EncodedItem[] order = race.Items;
                double[] dense = validator.Losses("dense", new DensePolicy(), order);
                double[] before = validator.Losses("start", new PlanPolicy(new RowPlan(start, length).ToPlan()), order);
                double[] after = validator.Losses("reached", new PlanPolicy(reached.ToPlan()), order);
                Print($"{name}, {order.Length} items: start − dense {Text(race.Difference(before, dense))}, reached − dense {Text(race.Difference(after, dense))}, reached − start {Text(race.Difference(after, before))}");
            }

            return 0;
        }
        catch (InvalidInputException exception)
        {
            Console.Error.WriteLine(exception.Message);
            return Program.BadArguments;
        }
    }

    // A move has to look better after every round of items, and to be better beyond doubt after the last.
    private static RowPlan Climb(RowPlan plan, Validator validator, EncodedItem[] items, int seconds, Random random)
    {
        PlanRace race = new(items);
        EncodedItem[] order = race.Items;
        Stopwatch clock = Stopwatch.StartNew();
        int tried = 0, accepted = 0;
        while (clock.Elapsed.TotalSeconds < seconds)
        {
            if (plan.Move(random) is not RowPlan moved)
                continue;
            tried++;
            bool better = true;
            MeanInterval difference = default;
            for (int count = Math.Min(PlanRace.FirstItems, order.Length); better; count = Math.Min(2 * count, order.Length))
            {
                difference = race.Difference(
                    validator.Losses("moved", new PlanPolicy(moved.ToPlan()), order[..count]), validator.Losses("plan", new PlanPolicy(plan.ToPlan()), order[..count]));
                better = difference.Mean < 0 && (count < order.Length || difference.High < 0);
                if (count == order.Length)
                    break;
            }

            if (!better)
                continue;
            plan = moved;
            accepted++;
            Print($"{clock.Elapsed.TotalSeconds:F0} s, move {tried}: {Text(difference)}");
        }

        Print($"{accepted} of {tried} moves accepted");
        return plan;
    }

    private static string Text(MeanInterval interval) =>
        string.Create(CultureInfo.InvariantCulture, $"{interval.Mean:F4} [{interval.Low:F4}, {interval.High:F4}]");

    private static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
