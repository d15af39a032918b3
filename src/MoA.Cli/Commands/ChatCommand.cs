using System.CommandLine;
using System.Globalization;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Files;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Tokenization;

namespace MoA.Cli.Commands;

/// <summary><c>moa chat</c>: a conversation, one line a turn.</summary>
internal sealed class ChatCommand : CliCommand
{
    private readonly Option<string?> _system = new("--system")
    {
        Description = "Message that tells the model how to behave",
        HelpName = "TEXT",
    };

    public ChatCommand(Streams streams)
        : base("chat", "Talks with a model; every line that is read is a turn, an empty line or end of input ends. " +
            "/file PATH sends a file's text as the turn. The caches are kept from turn to turn.", streams)
    {
        Examples =
        [
            "moa chat --model ./Llama-3.2-1B-Instruct --plan llama-plan/plan.json",
            "moa chat --system 'Answer in one sentence.' --json < questions.txt",
        ];
        Options.Add(_system);
        ModelOptions.AddTo(this);
        ModelOptions.AddPolicyTo(this);
        SamplingArguments.AddTo(this);
    }

    protected override void Run(CommandContext context)
    {
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        using ChatSession session = new(
            model, ModelOptions.ReadPolicy(context, model.Config), SamplingArguments.Read(context, model),
            ModelOptions.CacheType(context));
        if (context.Get(_system) is string system)
            session.Add(new ChatMessage("system", system));
        bool asks = context.InputIsTerminal && !context.Json;
        while (true)
        {
            if (asks)
                context.Prompt("> ");
            if (context.Read(input => input.ReadLine()) is not { Length: > 0 } line)
                break;
            try
            {
                Turn(context, session, ReadTurn(line));
            }
            catch (InvalidInputException failure) when (asks)
            {
                context.Note($"moa: {failure.Message}"); // the conversation goes on without this turn
            }
        }

        if (context.Json)
            WriteJson(context, session);
    }

    private static string ReadTurn(string line)
    {
        const string Prefix = "/file ";
        if (!line.StartsWith(Prefix, StringComparison.Ordinal))
            return line;
        return InputFile.ReadText(line[Prefix.Length..].Trim(), "give /file a text file");
    }

    private static void Turn(CommandContext context, ChatSession session, string text)
    {
        GenerationResult result = session.Ask(text, context.Json ? null : context.Show, context.Cancellation);
        if (!context.Json)
            context.Output.WriteLine();
        string again = session.ReadAgain ? ", the conversation was read again" : "";
        context.Note(string.Create(CultureInfo.InvariantCulture,
            $"[{session.CachedTokens} tokens kept in {session.KvBytes / 1024.0:F0} KiB{again}; " +
            $"{result.DecodeTokensPerSecond:F0} tokens/s]"));
    }

    private static void WriteJson(CommandContext context, ChatSession session) => context.WriteJson(writer =>
    {
        writer.WriteObjects("messages", session.Messages, static (writer, message) =>
        {
            writer.WriteString("role", message.Role);
            writer.WriteString("content", message.Content);
        });
        writer.WriteNumber("kvBytes", session.KvBytes);
    });
}
