using System.CommandLine;
using System.Runtime.InteropServices;
using MoA.Cli.Commands;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;

namespace MoA.Cli;

/// <summary>The moa command line: parses, runs a command, and turns failures into one line and an exit code.</summary>
internal static class CommandLine
{
    /// <summary>The run failed.</summary>
    public const int Failed = 1;

    /// <summary>Bad arguments or bad input.</summary>
    public const int BadInput = 2;

    /// <summary>Stopped by Ctrl-C or a termination signal.</summary>
    public const int Interrupted = 130;

    /// <summary>Runs a command and returns the exit code.</summary>
    public static int Run(string[] args, TextReader input, TextWriter output, TextWriter error)
    {
        using CancellationTokenSource stop = new();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        ParseResult parsed = Build(input, output, error).Parse(args);
        if (parsed.Errors.Count > 0)
        {
            string command = string.Join(' ', parsed.CommandResult.Command.Parents.OfType<Command>().Reverse()
                .Append(parsed.CommandResult.Command).Select(symbol => symbol.Name));
            error.WriteLine($"moa: {OneLine(parsed.Errors[0].Message)} (see: {command} --help)");
            return BadInput;
        }

        InvocationConfiguration configuration = new()
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
            Output = output,
            Error = error,
        };
        try
        {
            return parsed.InvokeAsync(configuration, stop.Token).GetAwaiter().GetResult();
        }
        catch (InvalidInputException failure)
        {
            error.WriteLine($"moa: {OneLine(failure.Message)}");
            return BadInput;
        }
        catch (OperationCanceledException)
        {
            error.WriteLine("moa: interrupted; what was finished is kept, run the same command again to go on");
            return Interrupted;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or OutOfMemoryException)
        {
            error.WriteLine($"moa: {OneLine(failure.Message)}");
            return Failed;
        }
        catch (InvalidOperationException failure)
        {
            error.WriteLine($"moa: {OneLine(failure.Message)}");
            return Failed;
        }

        void Stop(PosixSignalContext signal)
        {
            // The first signal lets the running item end cleanly; a second one ends the process.
            signal.Cancel = !stop.IsCancellationRequested;
            stop.Cancel();
        }
    }

    private static RootCommand Build(TextReader input, TextWriter output, TextWriter error)
    {
        Streams streams = new(input, output, error);
        RootCommand root = new(
            "Compresses long-context language models: measures how much of the past each attention head needs, finds a " +
            "span for every head under a memory budget, and runs the model with KV caches of just those sizes. " +
            "Start with 'moa compress', which searches a plan for the small model that comes with the program.")
        {
            new CompressCommand(streams),
            new CalibrateCommand(streams),
            new ProfileCommand(streams),
            new OptimizeCommand(streams),
            new ValidateCommand(streams),
            new GenerateCommand(streams),
            new ChatCommand(streams),
            new ScoreCommand(streams),
            new EvalCommand(streams),
            new PlanCommand(streams),
            new ModelCommand(streams),
        };
        root.Options.Add(OutputOptions.Json);
        root.Options.Add(OutputOptions.Quiet);
        return root;
    }

    private static string OneLine(string message) => message.ReplaceLineEndings(" ").Trim();
}
