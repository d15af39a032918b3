using System.CommandLine;
using System.Globalization;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Files;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Tokenization;

namespace MoA.Cli.Commands;

/// <summary><c>moa generate</c>: text from a prompt.</summary>
internal sealed class GenerateCommand : CliCommand
{
    private readonly Argument<string?> _prompt = new("prompt")
    {
        Description = "The prompt (else --prompt-file, else standard input)",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _promptFile = new("--prompt-file", "-f")
    {
        Description = "File that holds the prompt",
        HelpName = "FILE",
    };

    private readonly Option<string> _template = new("--template")
    {
        Description = "on: the prompt is a user's message, written with the model's chat template; off: it is continued as it " +
            "stands; auto: on if the model has a template and the prompt holds none of its special tokens",
        HelpName = "on|off|auto",
        CompletionSources = { "on", "off", "auto" },
        DefaultValueFactory = _ => "auto",
    };

    public GenerateCommand(Streams streams)
        : base("generate", "Writes text from a prompt: the argument, a file's text, or standard input.", streams)
    {
        Examples =
        [
            "moa generate 'Once upon a time' --template off -n 64",
            "moa generate --plan moa-out/plan.json --prompt-file report.txt",
            "cat report.txt | moa generate --temperature 0.7 --seed 1 --json",
        ];
        Arguments.Add(_prompt);
        Options.Add(_promptFile);
        Options.Add(_template);
        ModelOptions.AddTo(this);
        ModelOptions.AddPolicyTo(this);
        SamplingArguments.AddTo(this);
    }

    protected override void Run(CommandContext context)
    {
        (string text, string name) = ReadPrompt(context);
        if (text.Length == 0)
            throw EmptyPrompt(name);
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        AttentionPolicy policy = ModelOptions.ReadPolicy(context, model.Config);
        GenerationOptions options = SamplingArguments.Read(context, model);
        (int[] prompt, bool isMessage) = Encode(context, model, text);
        options = options with { ContinuesPrompt = !isMessage };
        if (prompt.Length == 0)
            throw EmptyPrompt(name);
        model.CheckLength(prompt.Length + 1, name);
        int room = model.Config.MaxPositions - prompt.Length;
        if (options.MaxNewTokens > room)
        {
            if (context.IsGiven(SamplingArguments.MaxNewTokens))
                context.Note($"moa: {room} new tokens at most: the model's context of {model.Config.MaxPositions} is full then");
            options = options with { MaxNewTokens = room };
        }

        using SequenceCache sequence = model.Transformer.CreateSequence(
            policy, prompt.Length + options.MaxNewTokens, ModelOptions.CacheType(context));
        GenerationResult result = new TextGenerator(model).Run(
            sequence, prompt, options, context.Json ? null : context.Show, cancellation: context.Cancellation);
        if (context.Json)
            WriteJson(context, policy, sequence, result);
        else
            context.Output.WriteLine();
        context.Note(string.Create(CultureInfo.InvariantCulture,
            $"[{policy.Name}: {result.PromptTokens} prompt tokens at {result.PrefillTokensPerSecond:F0}/s, " +
            $"{result.Tokens.Length} new at {result.DecodeTokensPerSecond:F0}/s, KV caches {sequence.Bytes / 1024.0:F0} KiB]"));
    }

    private static InvalidInputException EmptyPrompt(string name) =>
        new($"{name}: there is no text; expected a prompt of at least one token");

    private (string Text, string Name) ReadPrompt(CommandContext context)
    {
        string? argument = context.Get(_prompt), file = context.Get(_promptFile);
        if (argument is not null && file is not null)
            throw new InvalidInputException("the prompt is given twice: drop the argument or --prompt-file");
        if (argument is not null)
            return (argument, "the prompt");
        if (file is null)
        {
            if (context.InputIsTerminal)
                context.Note("moa: type the prompt and end it with Ctrl-D on a line of its own");
            return (context.Read(input => input.ReadToEnd()), "standard input");
        }

        return (InputFile.ReadText(file, "give --prompt-file a text file"), file);
    }

    private (int[] Tokens, bool IsMessage) Encode(CommandContext context, LanguageModel model, string text)
    {
        Tokenizer tokenizer = model.RequireTokenizer();
        ConversationEncoder conversations = model.RequireConversations();
        bool isMessage = context.Get(_template) switch
        {
            "off" => false,
            "on" => true,
            "auto" => conversations.HasTemplate
                && !tokenizer.Encode(text, addSpecialTokens: false, parseSpecialTokens: true).Any(tokenizer.IsSpecial),
            string other => throw new InvalidInputException($"--template {other}: expected on, off or auto"),
            null => false,
        };
        return (isMessage ? conversations.EncodePrompt([new ChatMessage("user", text)]) : tokenizer.EncodePrompt(text), isMessage);
    }

    private static void WriteJson(CommandContext context, AttentionPolicy policy, SequenceCache sequence, GenerationResult result) =>
        context.WriteJson(writer =>
        {
            writer.WriteString("text", result.Text);
            writer.WriteNumbers("tokens", result.Tokens);
            writer.WriteString("finishReason", result.Finish == FinishReason.Stop ? "stop" : "length");
            writer.WriteNumber("promptTokens", result.PromptTokens);
            writer.WriteString("policy", policy.Name);
            writer.WriteNumber("kvBytes", sequence.Bytes);
            writer.WriteNumber("prefillTokensPerSecond", result.PrefillTokensPerSecond);
            writer.WriteNumber("decodeTokensPerSecond", result.DecodeTokensPerSecond);
        });
}
