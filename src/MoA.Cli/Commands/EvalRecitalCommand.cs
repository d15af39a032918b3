using System.CommandLine;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine.Generation;
using MoA.Evaluation.Recital;
using MoA.Evaluation.Tasks;
using MoA.Search.Pipeline;

namespace MoA.Cli.Commands;

/// <summary><c>moa eval recital</c>: numbers out of a record while a long answer is written.</summary>
internal sealed class EvalRecitalCommand : EvalCommand
{
    private const int DefaultItems = 10;

    private readonly Option<string?> _lengths = new("--lengths")
    {
        Description = "Tokens of the record and of all that is written (default: the longest at which moa compress bounds the density of this model)",
        HelpName = "N,N,…",
    };

    public EvalRecitalCommand(Streams streams)
        : base("recital", "Measures what policies keep while long answers are written: a record of lines, then for most of the length questions and answers about one line after the other, " +
            "each token through a decode step of its own. What counts is how probable the numbers are.", $"Texts of each length (default: {DefaultItems})", streams)
    {
        Examples =
        [
            "moa eval recital --lengths 2048 --policy snapkv:density=0.25,every=128 --policy h2o:density=0.25",
            "moa eval recital --plan moa-out/plan.json",
        ];
        Options.Add(_lengths);
    }

    protected override EvaluationSettings Configure(CommandContext context, EvaluationSettings settings) => settings with { ScoreThroughDecode = true };

    protected override IReadOnlyList<EvaluationSet> CreateSets(CommandContext context, LanguageModel model)
    {
        RecitalTask task = new(model);
        ulong seed = context.Get(GlobalOptions.Seed) ?? 0;
        int items = Items(context) ?? DefaultItems;
        return [.. LengthsOf(context, _lengths, model.Config, [SearchSettings.DefaultsFor(model.Config).ConstrainedLengths.Max()]).Select(length => task.Generate(length, items, seed))];
    }
}
