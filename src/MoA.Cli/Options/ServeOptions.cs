using System.CommandLine;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Files;

namespace MoA.Cli.Options;

/// <summary>The options of <c>moa serve</c> that say who may ask, and how much.</summary>
internal static class ServeOptions
{
    private const string KeyVariable = "MOA_API_KEY";

    public static Option<string?> Host { get; } = new("--host")
    {
        Description = "Address to listen at: localhost, an IP address, or * for all; beyond this machine an API key is required (default: 127.0.0.1)",
        HelpName = "ADDRESS",
    };

    public static Option<int?> Port { get; } = new("--port", "-p")
    {
        Description = "Port to listen at; 0 takes a free one (default: 8080)",
        HelpName = "PORT",
    };

    public static Option<string?> ApiKey { get; } = new("--api-key")
    {
        Description = $"Key that callers must show; other users of this machine can see it here, so rather --api-key-file or the variable {KeyVariable}",
        HelpName = "KEY",
    };

    public static Option<string?> ApiKeyFile { get; } = new("--api-key-file")
    {
        Description = "File whose first line is the key",
        HelpName = "FILE",
    };

    public static Option<string?> KvMemory { get; } = new("--kv-memory")
    {
        Description = "Memory for all KV caches together, kept conversations included, such as 4GiB; never exceeded (default: half of what is available)",
        HelpName = "SIZE",
    };

    public static Option<int?> MaxSequences { get; } = new("--max-sequences")
    {
        Description = "Most texts that are written at one time (default: 32)",
        HelpName = "N",
    };

    public static Option<int?> Queue { get; } = new("--queue")
    {
        Description = "Most requests that wait; more are told to come back later (default: 256)",
        HelpName = "N",
    };

    public static Option<string[]> Alias { get; } = new("--alias")
    {
        Description = "Name that requests may call the model by besides its own, and that answers give; may be given several times",
        HelpName = "NAME",
    };

    public static Option<string?> SessionDir { get; } = new("--session-dir")
    {
        Description = "Folder in which conversations' caches are kept over a restart (default: they are not)",
        HelpName = "DIR",
    };

    public static Option<string[]> AllowedHost { get; } = new("--allowed-host")
    {
        Description = "Host name that a server on this machine's loopback may be called by besides localhost, as behind a proxy; may be given several times",
        HelpName = "NAME",
    };

    public static Option<string[]> Cors { get; } = new("--cors")
    {
        Description = "Origin of web pages that may read answers, such as https://chat.example.org, or * for any; may be given several times (default: none)",
        HelpName = "ORIGIN",
    };

    public static Option<double?> RequestTimeout { get; } = new("--request-timeout")
    {
        Description = "Seconds that a request may take in all (default: 3600)",
        HelpName = "SECONDS",
    };

    public static Option<double?> StopTimeout { get; } = new("--stop-timeout")
    {
        Description = "Seconds that requests may go on after Ctrl-C or SIGTERM; a second signal ends the program at once (default: 30)",
        HelpName = "SECONDS",
    };

    /// <summary>Adds them all.</summary>
    public static void AddTo(Command command)
    {
        Option[] options =
        [
            Host, Port, ApiKey, ApiKeyFile, KvMemory, MaxSequences, Queue, Alias, SessionDir, AllowedHost, Cors, RequestTimeout, StopTimeout,
        ];
        foreach (Option option in options)
            command.Options.Add(option);
    }

    /// <summary>The key that callers must show; null for none.</summary>
    public static string? ReadKey(CommandContext context)
    {
        (string? key, string? file) = (context.Get(ApiKey), context.Get(ApiKeyFile));
        if (key is not null && file is not null)
            throw new InvalidInputException("the API key is given twice: drop --api-key or --api-key-file");
        if (file is null)
            return key ?? (Environment.GetEnvironmentVariable(KeyVariable) is { Length: > 0 } variable ? variable : null);
        string text = InputFile.ReadText(file, "give --api-key-file a text file whose first line is the key");
        string line = text.Split('\n', 2)[0].Trim();
        return line.Length > 0 ? line : throw new InvalidInputException($"{file}: the first line is empty; expected the API key");
    }

    /// <summary>A time in seconds; null if it is not given.</summary>
    public static TimeSpan? ReadSeconds(CommandContext context, Option<double?> option) => context.Get(option) switch
    {
        null => null,
        double seconds and >= 0.001 and <= 1e6 => TimeSpan.FromSeconds(seconds),
        double seconds => throw new InvalidInputException(FormattableString.Invariant($"{option.Name} {seconds}: expected seconds from 0.001 to 1000000")),
    };

    /// <summary>A count of at least one; null if it is not given.</summary>
    public static int? ReadCount(CommandContext context, Option<int?> option) => context.Get(option) switch
    {
        null => null,
        int count and >= 1 => count,
        int count => throw new InvalidInputException($"{option.Name} {count}: expected a positive number"),
    };
}
