using System.CommandLine;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine.Generation;
using MoA.Evaluation.Data;
using MoA.Evaluation.LvEval;
using MoA.Evaluation.Tasks;

namespace MoA.Cli.Commands;

/// <summary><c>moa eval lveval</c>: LV-Eval.</summary>
internal sealed class EvalLvEvalCommand : EvalCommand
{
    private readonly Option<string?> _datasets = new("--datasets")
    {
        Description = "Data sets such as factrecall_en,cmrc_mixup (default: all whose files are there)",
        HelpName = "LIST",
    };

    private readonly Option<string?> _levels = new("--levels")
    {
        Description = "Levels of length: 16k, 32k, 64k, 128k, 256k (default: 16k)",
        HelpName = "LIST",
    };

    private readonly Option<int?> _maxLength = new("--max-length")
    {
        Description = "Most tokens of a prompt; longer ones lose their middle (default: the model's context less 500)",
        HelpName = "TOKENS",
    };

    public EvalLvEvalCommand(Streams streams)
        : base("lveval", "Runs LV-Eval with its published prompts and keyword-recall metrics, from its published files.", "Only the first N items of each data set and level", streams)
    {
        Examples = ["moa eval lveval --model llama --data LVEval --datasets factrecall_en --levels 16k,32k --plan plan.json"];
        foreach (Option option in new Option[] { EvalOptions.Data, _datasets, _levels, _maxLength, EvalOptions.Jieba })
            Options.Add(option);
    }

    protected override IReadOnlyList<EvaluationSet> CreateSets(CommandContext context, LanguageModel model)
    {
        string[] names = EvalOptions.Names(context.Get(_datasets));
        IReadOnlyList<LvEvalDataset> datasets = LvEvalTask.Select(names);
        IReadOnlyList<string> levels = LvEvalTask.SelectLevels(EvalOptions.Names(context.Get(_levels)));
        DataSetFiles files = new(context.Get(EvalOptions.Data), LvEvalData.Shared.Repository);
        LvEvalTask task = new(model, files, MaxPromptTokens(context, _maxLength, model.Config));
        var all = datasets.SelectMany(dataset => levels.Select(level => (dataset, level))).ToArray();
        return [.. files.Choose(all, names.Length > 0, pair => LvEvalTask.FileName(pair.dataset, pair.level))
            .Select(pair => task.Read(pair.dataset, pair.level, Items(context)))];
    }
}
