using System.CommandLine;
using System.CommandLine.Completions;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine.Generation;
using MoA.Evaluation.Ruler;
using MoA.Evaluation.Tasks;
using MoA.Search.Pipeline;

namespace MoA.Cli.Commands;

/// <summary><c>moa eval ruler</c>: RULER's thirteen tasks.</summary>
internal sealed class EvalRulerCommand : EvalCommand
{
    private const int DefaultItems = 100;

    private readonly Option<string?> _tasks = new("--tasks")
    {
        Description = "Tasks such as niah_multikey_2,vt (default: all but those whose file is missing: qa_1, qa_2)",
        HelpName = "LIST",
        CompletionSources = { _ => RulerData.Shared.Tasks.Select(task => new CompletionItem(task.Name)) },
    };

    private readonly Option<string?> _lengths = new("--lengths")
    {
        Description = "Tokens of prompt and answer together (default: the lengths at which moa compress bounds the density of this model)",
        HelpName = "N,N,…",
    };

    private readonly Option<string?> _essays = new("--essays")
    {
        Description = "Text file, folder of .txt files or RULER's PaulGrahamEssays.json to hide needles in (default: Shakespeare)",
        HelpName = "PATH",
    };

    private readonly Option<string?> _squad = new("--squad")
    {
        Description = "SQuAD's dev-v2.0.json, for qa_1",
        HelpName = "PATH",
    };

    private readonly Option<string?> _hotpot = new("--hotpot")
    {
        Description = "HotpotQA's hotpot_dev_distractor_v1.json, for qa_2",
        HelpName = "PATH",
    };

    public EvalRulerCommand(Streams streams)
        : base("ruler", "Runs RULER: needles, chains of variables, counts of words and questions, made for the model's tokenizer at any length.",
            $"Items of each task and length (default: {DefaultItems})", streams)
    {
        Examples =
        [
            "moa eval ruler --lengths 1024,2048 --policy all --items 20",
            "moa eval ruler --tasks niah_multikey_2,vt --question hidden --policy snapkv --densities 0.25,0.5",
            "moa eval ruler --lengths 4096 --essays PaulGrahamEssays.json --squad dev-v2.0.json --hotpot hotpot_dev_distractor_v1.json",
        ];
        foreach (Option option in new Option[] { _tasks, _lengths, EvalOptions.Question, _essays, _squad, _hotpot })
            Options.Add(option);
    }

    protected override IReadOnlyList<EvaluationSet> CreateSets(CommandContext context, LanguageModel model)
    {
        RulerSets sets = new(model, new RulerOptions
        {
            Essays = context.Get(_essays) is string essays ? Essays.Read(essays) : Essays.StandIn,
            Squad = context.Get(_squad),
            Hotpot = context.Get(_hotpot),
            Items = Items(context) ?? DefaultItems,
        });
        string[] names = EvalOptions.Names(context.Get(_tasks));
        IReadOnlyList<RulerTask> tasks = names.Length > 0 ? RulerSets.Select(names) : sets.Available();
        ulong seed = context.Get(GlobalOptions.Seed) ?? 0;
        IReadOnlyList<int> lengths = LengthsOf(context, _lengths, model.Config, SearchSettings.DefaultsFor(model.Config).ConstrainedLengths);
        return [.. from length in lengths from task in tasks select EvalOptions.Asked(context, sets.Create(task, length, seed))];
    }
}
