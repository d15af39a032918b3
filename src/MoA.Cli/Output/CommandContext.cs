using System.CommandLine;
using System.Text;
using System.Text.Json;
using MoA.Cli.Options;
using MoA.Search;

namespace MoA.Cli.Output;

/// <summary>One invocation of a command: its arguments, its streams and how to end it.</summary>
internal sealed class CommandContext(ParseResult parsed, Streams streams, CancellationToken cancellation)
{
    private static readonly JsonWriterOptions Indented = new()
    {
        Indented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public ParseResult Parsed { get; } = parsed;

    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>The exit code of a command that came to its end.</summary>
    public int ExitCode { get; set; }

    public bool InputIsTerminal => streams.InputIsTerminal;

    /// <summary>
    /// Whether a person's lines can be edited as they are typed. Windows' console does that by itself.
    /// </summary>
    public bool CanEdit => streams.InputIsTerminal && streams.ErrorIsTerminal && !OperatingSystem.IsWindows() &&
        Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    public TextWriter Output => streams.Output;

    public bool Json => Parsed.GetValue(GlobalOptions.Json);

    public bool Quiet => Parsed.GetValue(GlobalOptions.Quiet);

    public T? Get<T>(Option<T> option) => Parsed.GetValue(option);

    public T? Get<T>(Argument<T> argument) => Parsed.GetValue(argument);

    public bool IsGiven(Option option) => Parsed.GetResult(option) is { Implicit: false };

    /// <summary>A message for the person at the terminal; silenced by --quiet.</summary>
    public void Note(string message)
    {
        if (!Quiet)
            streams.Error.WriteLine(message);
    }

    /// <summary>What the person asked for, or what is wrong though the command goes on.</summary>
    public void Say(string message) => streams.Error.WriteLine(message);

    /// <summary>Runs a part of the command that Ctrl-C stops without ending the command.</summary>
    public T RunPart<T>(Func<CancellationToken, T> part) => streams.Interrupts.RunPart(part);

    /// <summary>Reads input, which may wait for a person to type; ends with the command.</summary>
    /// <exception cref="OperationCanceledException">The command is to end.</exception>
    public T Read<T>(Func<TextReader, T> read) =>
        Task.Run(() => read(streams.Input), Cancellation).WaitAsync(Cancellation).GetAwaiter().GetResult();

    /// <summary>Asks the person at the terminal to type.</summary>
    public void Prompt(string text) => streams.Error.Write(text);

    /// <summary>Shows a piece of a text at once.</summary>
    public void Show(string piece)
    {
        Output.Write(piece);
        Output.Flush();
    }

    /// <summary>The one JSON document of a command: an object with the members that are written.</summary>
    public void WriteJson(Action<Utf8JsonWriter> writeMembers)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter writer = new(buffer, Indented))
        {
            writer.WriteStartObject();
            writeMembers(writer);
            writer.WriteEndObject();
        }

        Output.WriteLine(Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length));
    }

    /// <summary>Runs long work with a progress display on standard error.</summary>
    public T WithProgress<T>(Func<Action<StepProgress>, T> work) => ProgressDisplay.Run(streams, Quiet, work);
}
