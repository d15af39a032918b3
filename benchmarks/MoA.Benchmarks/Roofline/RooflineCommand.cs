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
        Description = "How long to measure, at least five rounds",
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
        Options.Add(_json);
        Options.Add(_threads);
        Options.Add(_filter);
        Options.Add(_seconds);
        Options.Add(_sets);
        SetAction(Run);
    }

    private string? Problem(ParseResult parsed)
    {
        if (parsed.GetValue(_threads) < 1)
            return $"--threads {parsed.GetValue(_threads)}: expected a number above 0";
        if (!(parsed.GetValue(_seconds) > 0))
            return $"--seconds {parsed.GetValue(_seconds)}: expected a number above 0";
        return parsed.GetValue(_sets)!.Any(set => set > InstructionSets.Best)
            ? $"--instruction-set: this machine has no vectors wider than {InstructionSets.Best}"
            : null;
    }

    private static int Refuse(string problem)
    {
        Console.Error.WriteLine(problem);
        return Program.BadArguments;
    }

    private int Run(ParseResult parsed)
    {
        if (Problem(parsed) is string problem)
            return Refuse(problem);
        int threads = parsed.GetValue(_threads);
        string filter = parsed.GetValue(_filter)!;
        using RooflineRun run = new(parsed.GetValue(_sets)!, threads, filter);
        if (run.Rows.Count == 0)
            return Refuse($"--filter {filter}: no kernel has that in its name; without the option all are measured");
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
