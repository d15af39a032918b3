using System.Globalization;
using MoA.Cli.Chat;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Tokenization;

namespace MoA.Cli.Commands;

/// <summary><c>moa chat</c>: a conversation.</summary>
internal sealed class ChatCommand : CliCommand
{
    // Few conversations outgrow it, and a model's whole context may take many times the memory.
    private const int ReckonedTokens = 16_384;

    public ChatCommand(Streams streams)
        : base("chat", "Talks with a model; every line that is read is a turn, /exit or the end of input ends. The caches are kept from turn " +
            "to turn. A line that ends with \\ goes on with the next, and \"\"\" begins a text of several lines that ends with \"\"\". " +
            $"Commands within: {ChatCommands.Names}. Ctrl-C stops an answer and keeps what was written of it; at the prompt it ends the program.",
            streams)
    {
        Examples =
        [
            "moa chat --model ./Llama-3.2-1B-Instruct --plan llama-plan/plan.json",
            "moa chat --system 'Answer in one sentence.' --json < questions.txt",
        ];
        Options.Add(PromptOptions.System);
        Options.Add(LookupOption.Option);
        ModelOptions.AddTo(this);
        ModelOptions.AddPolicyTo(this);
        SamplingArguments.AddTo(this);
    }

    protected override void Run(CommandContext context)
    {
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        AttentionPolicy policy = ModelOptions.ReadPolicy(context, model.Config);
        GenerationOptions options = SamplingArguments.Read(context, model) with { Lookup = LookupOption.Read(context, model, policy) };
        MmapOption.Apply(context, model, SequenceCache.EstimatePeakBytes(
            model.Config, policy, Math.Min(model.Config.MaxPositions, ReckonedTokens), ModelOptions.CacheType(context)));
        using ChatSession session = new(model, policy, options, ModelOptions.CacheType(context));
        if (context.Get(PromptOptions.System) is string system)
            session.Add(new ChatMessage(ChatRole.System, system));
        bool asks = context.InputIsTerminal && !context.Json;
        using LineEditor? editor = asks && context.CanEdit ? LineEditor.ForConsole() : null;
        Converse(context, session, prompt => ReadLine(context, editor, asks ? prompt : ""), goesOn: asks);
        if (context.Json)
            WriteJson(context, session);
    }

    private static string? ReadLine(CommandContext context, LineEditor? editor, string prompt)
    {
        if (editor is not null)
            return context.Read(_ => editor.ReadLine(prompt));
        context.Prompt(prompt);
        return context.Read(input => input.ReadLine());
    }

    // What cannot be done is said and the conversation goes on; who wrote a script learns of it by the exit code.
    private static void Converse(CommandContext context, ChatSession session, Func<string, string?> readLine, bool goesOn)
    {
        ChatTurnReader reader = new(readLine);
        ChatCommands commands = new(session, context.Say);
        while (!commands.Ended)
        {
            try
            {
                if (reader.Read() is not ChatTurn turn)
                    break;
                if ((turn.Command is null ? turn.Text : commands.Run(turn.Command, turn.Text, turn.IsBlock)) is string message)
                    Ask(context, session, message);
            }
            catch (InvalidInputException failure)
            {
                context.Say($"moa: {failure.Message.ReplaceLineEndings(" ").Trim()}");
                if (!goesOn)
                    context.ExitCode = CommandLine.BadInput;
            }
        }
    }

    private static void Ask(CommandContext context, ChatSession session, string text)
    {
        GenerationResult result = context.RunPart(stop => session.Ask(text, context.Json ? null : context.Show, stop));
        if (!context.Json)
            context.Output.WriteLine();
        string stopped = result.Finish == FinishReason.Cancelled ? "stopped; " : "";
        string again = session.ReadAgain ? ", the conversation was read again" : "";
        context.Note(string.Create(CultureInfo.InvariantCulture,
            $"[{stopped}{session.CachedTokens} tokens kept in {session.KvBytes / 1024.0:F0} KiB{again}; " +
            $"{result.DecodeTokensPerSecond:F0} tokens/s{LookupOption.Describe(result)}]"));
        context.Cancellation.ThrowIfCancellationRequested();
    }

    private static void WriteJson(CommandContext context, ChatSession session) => context.WriteJson(writer =>
    {
        writer.WriteObjects("messages", session.Messages, static (writer, message) =>
        {
            writer.WriteString("role", message.Role.Name);
            writer.WriteString("content", message.Content);
        });
        writer.WriteNumber("kvBytes", session.KvBytes);
    });
}
