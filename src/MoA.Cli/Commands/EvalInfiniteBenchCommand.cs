using System.CommandLine;
using System.CommandLine.Completions;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine.Generation;
using MoA.Evaluation.Data;
using MoA.Evaluation.InfiniteBench;
using MoA.Evaluation.Tasks;

namespace MoA.Cli.Commands;

/// <summary><c>moa eval infinitebench</c>: InfiniteBench.</summary>
internal sealed class EvalInfiniteBenchCommand : EvalCommand
{
    private readonly Option<string?> _datasets = new("--datasets")
    {
        Description = "Data sets such as passkey,longbook_qa_eng (default: all whose files are there)",
        HelpName = "LIST",
        CompletionSources = { _ => InfiniteBenchData.Shared.Datasets.Select(dataset => new CompletionItem(dataset.Name)) },
    };

    private readonly Option<int?> _maxLength = new("--max-length")
    {
        Description = "Most tokens of a prompt; longer ones lose their middle (default: what the model's context leaves beside the answer, half of it at least)",
        HelpName = "TOKENS",
    };

    public EvalInfiniteBenchCommand(Streams streams)
        : base("infinitebench", "Runs InfiniteBench with its published prompts, lengths and metrics, from its published files.", "Only the first N items of each data set", streams)
    {
        Examples = ["moa eval infinitebench --model llama --data InfiniteBench --datasets passkey,kv_retrieval --plan plan.json"];
        foreach (Option option in new Option[] { EvalOptions.Data, _datasets, _maxLength, EvalOptions.Question })
            Options.Add(option);
    }

    protected override IReadOnlyList<EvaluationSet> CreateSets(CommandContext context, LanguageModel model)
    {
        string[] names = EvalOptions.Names(context.Get(_datasets));
        DataSetFiles files = new(context.Get(EvalOptions.Data), InfiniteBenchData.Shared.Repository);
        int? most = context.Get(_maxLength) is null ? null : MaxPromptTokens(context, _maxLength, model.Config);
        InfiniteBenchTask task = new(model, files, most);
        IReadOnlyList<InfiniteBenchDataset> datasets = files.Choose(InfiniteBenchTask.Select(names), names.Length > 0, InfiniteBenchTask.FileName);
        return [.. datasets.Select(dataset => EvalOptions.Asked(context, task.Read(dataset, Items(context))))];
    }
}
