using System.CommandLine;
using System.CommandLine.Help;
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

    private const string DebugVariable = "MOA_DEBUG";

    /// <summary>Runs a command and returns the exit code.</summary>
    /// <param name="args">The words after the program's name.</param>
    /// <param name="input">Prompts and turns of a conversation.</param>
    /// <param name="output">Results.</param>
    /// <param name="error">Progress, messages and errors.</param>
    /// <param name="cancellation">Interrupts the command as Ctrl-C does.</param>
    public static int Run(
        string[] args, TextReader input, TextWriter output, TextWriter error, CancellationToken cancellation = default)
    {
        using Interrupts interrupts = new(cancellation);
        using IDisposable listening = interrupts.Listen();
        return Run(args, new Streams(input, output, error, interrupts));
    }

    /// <summary>Runs a command and returns the exit code.</summary>
    /// <param name="args">The words after the program's name.</param>
    /// <param name="streams">Its input, output and interruptions.</param>
    public static int Run(string[] args, Streams streams)
    {
        (TextWriter output, TextWriter error, CancellationToken stop) = (streams.Output, streams.Error, streams.Interrupts.Command);
        ParseResult parsed = Build(streams).Parse(
            args, new ParserConfiguration { ResponseFileTokenReplacer = null }); // a prompt may start with @
        if (ParseProblem.Find(parsed, args) is string problem)
            return Report(problem, BadInput, error);
        InvocationConfiguration configuration = new()
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
            Output = output,
            Error = error,
        };
        try
        {
            int exitCode = parsed.InvokeAsync(configuration, stop).GetAwaiter().GetResult();
            output.Flush();
            return exitCode;
        }
        catch (Exception failure)
        {
            if (Environment.GetEnvironmentVariable(DebugVariable) == "1")
                Say(failure.ToString(), error);
            (string message, int exitCode) = failure is OperationCanceledException && stop.IsCancellationRequested
                ? (WhatIsKept(parsed.CommandResult.Command), Interrupted)
                : Explain(failure);
            return Report(message, exitCode, error);
        }
    }

    /// <summary>All commands with their options.</summary>
    internal static RootCommand Build(Streams streams)
    {
        RootCommand root = new(
            "Compresses long-context language models: measures how much of the past each attention head needs, finds a " +
            "span for every head under a memory budget, and runs the model with KV caches of just those sizes. " +
            "Start with 'moa compress', which searches a plan for the small model that comes with the program; " +
            "'moa COMMAND --help' explains a command and shows examples.")
        {
            new CompressCommand(streams),
            new CalibrateCommand(streams),
            new ProfileCommand(streams),
            new OptimizeCommand(streams),
            new ValidateCommand(streams),
            new HeadsCommand(streams),
            new GenerateCommand(streams),
            new ChatCommand(streams),
            new ServeCommand(streams),
            new WorkerCommand(streams),
            new GroupCommand(
                "cluster", "Prepares a cluster's database, shows its members, and lets one leave.", new ClusterStatusCommand(streams),
                new ClusterDrainCommand(streams), new ClusterSetupCommand(streams)),
            new ScoreCommand(streams),
            new BenchCommand(streams),
            new DevicesCommand(streams),
            new GroupCommand(
                "eval", "Measures what a model still gets right under a plan or another policy.", new EvalRetrievalCommand(streams),
                new EvalNeedleCommand(streams), new EvalRulerCommand(streams), new EvalLongBenchCommand(streams), new EvalLvEvalCommand(streams),
                new EvalLongBench2Command(streams), new EvalInfiniteBenchCommand(streams),
                new EvalPerplexityCommand(streams), new EvalRecitalCommand(streams), new EvalAlpacaCommand(streams), new EvalCompareCommand(streams)),
            new GroupCommand(
                "plan", "Shows the spans and densities of a plan, and converts plan files.", new PlanShowCommand(streams),
                new PlanConvertCommand(streams)),
            new GroupCommand("prefill", "Searches what prompts attend to under prefill policies.", new PrefillSearchCommand(streams)),
            new GroupCommand(
                "model", "Fetches models, says what they hold, tokenises text, and writes GGUF files.", new ModelInfoCommand(streams),
                new ModelPullCommand(streams), new ModelListCommand(streams), new ModelTokenizeCommand(streams), new ModelConvertCommand(streams),
                new ModelRandomCommand(streams)),
            new CompletionCommand(streams),
        };
        root.HelpName = "moa";
        root.SetAction(GroupCommand.ShowHelp);
        root.Options.Add(GlobalOptions.Json);
        root.Options.Add(GlobalOptions.Quiet);
        root.Options.Add(GlobalOptions.Threads);
        root.Options.Add(GlobalOptions.Seed);
        root.Options.OfType<HelpOption>().Single().Action = new HelpWithExamples();
        root.Options.OfType<VersionOption>().Single().Action = new ShowVersion();
        NumberOptions.ReadStrictly(root);
        return root;
    }

    private static (string Message, int ExitCode) Explain(Exception failure) => failure switch
    {
        InvalidInputException => (failure.Message, BadInput),
        IOException or UnauthorizedAccessException => (failure.Message, Failed),
        OutOfMemoryException => ($"not enough memory ({failure.Message})", Failed),
        AggregateException { InnerException: Exception inner } => Explain(inner),
        _ => ($"internal error: {failure.GetType().Name}: {failure.Message} ({DebugVariable}=1 shows where)", Failed),
    };

    private static string WhatIsKept(Command command) => command is CliCommand { KeepsFinishedWork: true }
        ? "interrupted; what was finished is kept, run the same command again to go on"
        : "interrupted";

    private static int Report(string message, int exitCode, TextWriter error)
    {
        Say($"moa: {message.ReplaceLineEndings(" ").Trim()}", error);
        return exitCode;
    }

    private static void Say(string text, TextWriter error)
    {
        try
        {
            error.WriteLine(text);
        }
        catch (IOException)
        {
            // Nobody can be told; the exit code still says it.
        }
    }
}
