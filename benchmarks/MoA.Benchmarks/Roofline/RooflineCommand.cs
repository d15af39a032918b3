using System.CommandLine;
using MoA.Benchmarks.Limits;
using MoA.Engine.Numerics;
using Spectre.Console;

namespace MoA.Benchmarks.Roofline;

/// <summary><c>roofline</c>: every kernel's share of the machine's own limit.</summary>
internal sealed class RooflineCommand : Command
{
    private readonly Option<bool> _json = new("--json")
    {
        Description = "One JSON document on standard output, nothing else there",
    };

    private readonly Option<int> _threads = new("--threads", "-t")
    {
        Description = "Threads (default: one for each processor)",
        HelpName = "N",
        DefaultValueFactory = _ => Environment.ProcessorCount,
    };

    private readonly Option<string> _filter = new("--filter")
    {
        Description = "Measures only kernels whose name contains this",
        HelpName = "TEXT",
        DefaultValueFactory = _ => "",
    };

    private readonly Option<double> _seconds = new("--seconds")
    {
        Description = "How long to measure, at least three rounds",
        HelpName = "S",
        DefaultValueFactory = _ => 60,
    };

    private readonly Option<InstructionSet[]> _sets = new("--instruction-set")
    {
        Description = "Vector widths (default: those that the engine uses on this kind of machine)",
        HelpName = "Vector128|Vector256|Vector512",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [.. Machine.InstructionSetsHere],
    };

    public RooflineCommand()
        : base("roofline", "Measures the F32 multiply-add peak, the read bandwidth, and every kernel's share of its limit.")
    {
        _threads.Validators.Add(result => RequirePositive(result, result.GetValue(_threads)));
        _seconds.Validators.Add(result => RequirePositive(result, result.GetValue(_seconds)));
        Options.Add(_json);
        Options.Add(_threads);
        Options.Add(_filter);
        Options.Add(_seconds);
        Options.Add(_sets);
        SetAction(Run);
    }

    private static void RequirePositive(System.CommandLine.Parsing.OptionResult result, double value)
    {
        if (!(value > 0))
            result.AddError($"{result.Option.Name} {value}: expected a number above 0");
    }

    private int Run(ParseResult parsed)
    {
        int threads = parsed.GetValue(_threads);
        string filter = parsed.GetValue(_filter)!;
        using RooflineRun run = new(parsed.GetValue(_sets)!, threads, filter);
        if (run.Rows.Count == 0)
        {
            Console.Error.WriteLine($"--filter {filter}: no kernel has that in its name; without the option all are measured");
            return 2;
        }

        run.Run(TimeSpan.FromSeconds(parsed.GetValue(_seconds)), static text => Console.Error.WriteLine(text));
        if (parsed.GetValue(_json))
        {
            using Stream output = Console.OpenStandardOutput();
            RooflineReport.WriteJson(output, run, threads);
        }
        else
        {
            RooflineReport.WriteTable(AnsiConsole.Console, run);
        }

        return 0;
    }
}
