using System.CommandLine;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine.Generation;
using MoA.Evaluation.Retrieval;
using MoA.Evaluation.Tasks;
using MoA.Search.Pipeline;

namespace MoA.Cli.Commands;

/// <summary><c>moa eval retrieval</c>: line retrieval as in LongEval.</summary>
internal sealed class EvalRetrievalCommand : EvalCommand
{
    private const int DefaultItems = 100;

    private readonly Option<string?> _lengths = new("--lengths")
    {
        Description = "Tokens of prompt and answer together (default: the longest at which moa compress profiles this model, and the longest at which it " +
            "bounds the density)",
        HelpName = "N,N,…",
    };

    private readonly Option<string?> _data = new("--data", "-d")
    {
        Description = "Published questions of LongEval or MoA (.jsonl), each taken at the shortest length that holds it (default: generated questions)",
        HelpName = "FILE",
    };

    public EvalRetrievalCommand(Streams streams)
        : base("retrieval", "Asks for numbers out of long records, under dense attention and under other policies; with a plan also under " +
            "uniform spans of the same density. Questions are spread over ten depths.", $"Questions of each length (default: {DefaultItems})", streams)
    {
        Examples =
        [
            "moa eval retrieval --plan moa-out/plan.json --lengths 1024,2048",
            "moa eval retrieval --policy streaming-llm --densities 0.25,0.5,0.75 --items 20 --json",
            "moa eval retrieval --data questions.jsonl --lengths 4096,8192",
        ];
        Options.Add(_lengths);
        Options.Add(_data);
        Options.Add(EvalOptions.Question);
    }

    protected override IReadOnlyList<EvaluationSet> CreateSets(CommandContext context, LanguageModel model)
    {
        SearchSettings defaults = SearchSettings.DefaultsFor(model.Config);
        IReadOnlyList<int> lengths = LengthsOf(context, _lengths, model.Config, [defaults.ProfileLengths.Max(), defaults.ConstrainedLengths.Max()]);
        int items = Items(context) ?? DefaultItems;
        ulong seed = context.Get(GlobalOptions.Seed) ?? 0;
        IEnumerable<EvaluationSet> sets = context.Get(_data) is string data
            ? RetrievalFile.Read(model, data, lengths, items)
            : lengths.Select(length => RetrievalEvaluation.ItemsOf(
                model, RetrievalEvaluation.CreateSet(model, length, items, seed), $"generated, seed {seed}"));
        return [.. sets.Select(set => EvalOptions.Asked(context, set))];
    }
}
