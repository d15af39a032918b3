using System.CommandLine;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Evaluation.Perplexity;
using MoA.Evaluation.Tasks;
using MoA.Search.Pipeline;

namespace MoA.Cli.Commands;

/// <summary><c>moa eval perplexity</c>: how probable a model finds given answers or texts.</summary>
internal sealed class EvalPerplexityCommand : EvalCommand
{
    private const int DefaultItems = 20;

    private readonly Option<bool> _allTokens = new("--all-tokens")
    {
        Description = "Every token counts, not only those of answers",
    };

    private readonly Option<string?> _through = new("--through")
    {
        Description = "decode: every scored token goes through a decode step of its own, as in generation (default for answers); prefill: all go " +
            "through prefill (default with --all-tokens)",
        HelpName = "STEP",
        CompletionSources = { "decode", "prefill" },
    };

    private readonly Option<string?> _lengths = new("--lengths")
    {
        Description = "Tokens of generated conversations (default: the lengths at which moa compress bounds the density of this model); with --data each item " +
            "counts at the shortest length that holds it (default: all together)",
        HelpName = "N,N,…",
    };

    private readonly Option<string?> _data = new("--data", "-d")
    {
        Description = "Conversations, texts or tokens (.jsonl, one item a line)",
        HelpName = "FILE",
    };

    public EvalPerplexityCommand(Streams streams)
        : base("perplexity", "Measures the perplexity of the answers in conversations, or of whole texts. Without --data, of generated " +
            "conversations with long dependencies.", $"Most items of each length (default: {DefaultItems} generated ones, or all of --data)", streams)
    {
        Examples =
        [
            "moa eval perplexity --plan moa-out/plan.json --lengths 1024,2048",
            "moa eval perplexity --data texts.jsonl --all-tokens --policy streaming-llm:density=0.5",
        ];
        Options.Add(_lengths);
        Options.Add(_data);
        Options.Add(_allTokens);
        Options.Add(_through);
    }

    protected override EvaluationSettings Configure(CommandContext context, EvaluationSettings settings) =>
        settings with
        {
            ScoreThroughDecode = context.Get(_through) switch
            {
                null => !context.Get(_allTokens),
                "decode" => true,
                "prefill" => false,
                string other => throw new InvalidInputException($"--through {other}: expected decode or prefill"),
            },
        };

    protected override IReadOnlyList<EvaluationSet> CreateSets(CommandContext context, LanguageModel model)
    {
        PerplexityTask task = new(model, context.Get(_allTokens));
        if (context.Get(_data) is string data)
        {
            IReadOnlyList<int>? given = context.IsGiven(_lengths) ? LengthsOf(context, _lengths, model.Config, []) : null;
            return task.Read(data, given, Items(context));
        }

        ulong seed = context.Get(GlobalOptions.Seed) ?? 0;
        int items = Items(context) ?? DefaultItems;
        return [.. LengthsOf(context, _lengths, model.Config, SearchSettings.DefaultsFor(model.Config).ConstrainedLengths)
            .Select(length => task.Generate(length, items, seed))];
    }
}
