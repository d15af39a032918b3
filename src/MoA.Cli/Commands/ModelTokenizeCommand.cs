using System.CommandLine;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Search.Calibration;

namespace MoA.Cli.Commands;

/// <summary><c>moa model tokenize</c>: token ids of text.</summary>
internal sealed class ModelTokenizeCommand : CliCommand
{
    private readonly Argument<string?> _text = new("text")
    {
        Description = "The text (else --data)",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _data = new("--data", "-d")
    {
        Description = "Texts, one a line (.jsonl with text or messages)",
        HelpName = "FILE",
    };

    private readonly Option<bool> _noSpecialTokens = new("--no-special-tokens")
    {
        Description = "Neither add special tokens nor parse them in the text",
    };

    public ModelTokenizeCommand(Streams streams)
        : base("tokenize", "Prints the token ids of text.", streams)
    {
        Examples =
        [
            "moa model tokenize 'Once upon a time'",
            "moa model tokenize --model ./Llama-3.2-1B-Instruct --data texts.jsonl --json",
        ];
        Arguments.Add(_text);
        Options.Add(_data);
        Options.Add(_noSpecialTokens);
        Options.Add(ModelOptions.Model);
        Options.Add(ModelOptions.ChatTemplate);
    }

    protected override void Run(CommandContext context)
    {
        string path = ModelOptions.ModelPath(context);
        Tokenizer tokenizer = Tokenizer.Load(path);
        bool isModel = Path.GetExtension(path) is not (".json" or ".model");
        ConversationEncoder conversations = new(tokenizer, isModel ? ChatTemplate.Load(path, context.Get(ModelOptions.ChatTemplate)) : null);
        bool special = !context.Get(_noSpecialTokens);
        List<int[]> items = [];
        switch (context.Get(_text), context.Get(_data))
        {
            case (string text, null):
                items.Add(tokenizer.Encode(text, special, special));
                break;
            case (null, string file):
                foreach (CalibrationItem item in ConversationFile.Read(file))
                    items.Add(Encode(item));
                break;
            default:
                throw new InvalidInputException("give either a text or --data FILE.jsonl");
        }

        if (!context.Json)
        {
            foreach (int[] item in items)
                context.Output.WriteLine(string.Join(' ', item));
            return;
        }

        context.WriteJson(writer => writer.WriteObjects(
            "items", items, static (writer, item) => writer.WriteNumbers("tokens", item)));

        int[] Encode(CalibrationItem item) => item switch
        {
            TextItem text => tokenizer.Encode(text.Text, special, special),
            MessagesItem messages => conversations.Encode(messages.Messages).Tokens,
            TokensItem tokens => [.. tokens.Tokens],
            _ => throw new InvalidInputException($"{item.Origin}: expected text or messages"),
        };
    }
}
