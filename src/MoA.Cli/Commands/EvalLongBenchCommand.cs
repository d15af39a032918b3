using System.CommandLine;
using System.CommandLine.Completions;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine.Generation;
using MoA.Evaluation.Data;
using MoA.Evaluation.LongBench;
using MoA.Evaluation.Tasks;

namespace MoA.Cli.Commands;

/// <summary><c>moa eval longbench</c>: LongBench and LongBench-E.</summary>
internal sealed class EvalLongBenchCommand : EvalCommand
{
    private readonly Option<string?> _datasets = new("--datasets")
    {
        Description = "Data sets such as qasper,hotpotqa (default: all whose files are there)",
        HelpName = "LIST",
        CompletionSources = { _ => LongBenchData.Shared.Datasets.Select(dataset => new CompletionItem(dataset.Name)) },
    };

    private readonly Option<bool> _extended = new("--e")
    {
        Description = "LongBench-E: the files name_e.jsonl, scored by ranges of length too",
    };

    private readonly Option<int?> _maxLength = new("--max-length")
    {
        Description = "Most tokens of a prompt; longer ones lose their middle (default: the model's context less 500)",
        HelpName = "TOKENS",
    };

    public EvalLongBenchCommand(Streams streams)
        : base("longbench", "Runs LongBench with its published prompts, lengths and metrics, from its published files.", "Only the first N items of each data set", streams)
    {
        Examples =
        [
            "moa eval longbench --model vicuna --data LongBench/data.zip --e --datasets qasper,hotpotqa --plan plan.json",
            "moa eval longbench --score-only --out moa-eval",
        ];
        foreach (Option option in new Option[] { EvalOptions.Data, _datasets, _extended, _maxLength, EvalOptions.Jieba })
            Options.Add(option);
    }

    protected override IReadOnlyList<EvaluationSet> CreateSets(CommandContext context, LanguageModel model)
    {
        bool extended = context.Get(_extended);
        string[] names = EvalOptions.Names(context.Get(_datasets));
        IReadOnlyList<LongBenchDataset> datasets = LongBenchTask.Select(names, extended);
        DataSetFiles files = new(context.Get(EvalOptions.Data), LongBenchData.Shared.Repository);
        LongBenchTask task = new(model, files, extended, MaxPromptTokens(context, _maxLength, model.Config));
        return [.. files.Choose(datasets, names.Length > 0, task.FileName).Select(dataset => task.Read(dataset, Items(context)))];
    }
}
