using System.CommandLine;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Files;
using MoA.Engine.Generation;
using MoA.Evaluation.Needle;
using MoA.Evaluation.Tasks;
using MoA.Search.Pipeline;

namespace MoA.Cli.Commands;

/// <summary><c>moa eval needle</c>: one fact in a long text, over depths and lengths.</summary>
internal sealed class EvalNeedleCommand : EvalCommand
{
    private readonly Option<string?> _needle = new("--needle")
    {
        Description = "A fact of your own to hide (default: a secret number, another in every item)",
        HelpName = "TEXT",
    };

    private readonly Option<string?> _question = new("--question")
    {
        Description = "The question about the fact",
        HelpName = "TEXT",
    };

    private readonly Option<string?> _answer = new("--answer")
    {
        Description = "Words that a right answer contains",
        HelpName = "TEXT",
    };

    private readonly Option<string?> _haystack = new("--haystack")
    {
        Description = "Text file to hide the fact in (default: Shakespeare)",
        HelpName = "FILE",
    };

    private readonly Option<int?> _depths = new("--depths")
    {
        Description = "Number of depths from start to end (default: 11, every tenth)",
        HelpName = "N",
    };

    private readonly Option<string?> _lengths = new("--lengths")
    {
        Description = "Tokens of text and answer together (default: the lengths at which moa compress bounds the density of this model)",
        HelpName = "N,N,…",
    };

    public EvalNeedleCommand(Streams streams)
        : base("needle", "Hides one fact in a long text and asks for it, over a grid of depths and lengths.", "Questions in each cell of the grid (default: 1)", streams)
    {
        Examples =
        [
            "moa eval needle --lengths 512,1024,2048 --policy streaming-llm:density=0.5",
            "moa eval needle --needle \"The best tea is in the blue tin.\" --question \"Where is the best tea?\" --answer \"blue tin\" --lengths 1024",
        ];
        foreach (Option option in new Option[] { _lengths, _depths, _needle, _question, _answer, _haystack })
            Options.Add(option);
    }

    protected override IReadOnlyList<EvaluationSet> CreateSets(CommandContext context, LanguageModel model)
    {
        SearchSettings defaults = SearchSettings.DefaultsFor(model.Config);
        NeedleOptions options = new()
        {
            Needle = context.Get(_needle),
            Question = context.Get(_question),
            Answer = context.Get(_answer),
            Haystack = context.Get(_haystack) is string file ? [.. InputFile.ReadLines(file, "give --haystack a text file").SkipWhile(string.IsNullOrWhiteSpace)] : null,
            Depths = CalibrationOptions.Positive(context, _depths) ?? 11,
            ItemsPerCell = Items(context) ?? 1,
        };
        NeedleTask task = new(model, options);
        ulong seed = context.Get(GlobalOptions.Seed) ?? 0;
        return [.. LengthsOf(context, _lengths, model.Config, defaults.ConstrainedLengths).Select(length => task.Create(length, seed))];
    }
}
