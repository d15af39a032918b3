using System.CommandLine;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine.Generation;
using MoA.Evaluation.Data;
using MoA.Evaluation.LongBench2;
using MoA.Evaluation.Tasks;

namespace MoA.Cli.Commands;

/// <summary><c>moa eval longbench2</c>: LongBench v2.</summary>
internal sealed class EvalLongBench2Command : EvalCommand
{
    private readonly Option<int?> _maxLength = new("--max-length")
    {
        Description = "Most tokens of a prompt; longer ones lose their middle (default: the model's context less 500, at most 120000)",
        HelpName = "TOKENS",
    };

    public EvalLongBench2Command(Streams streams)
        : base("longbench2", "Runs LongBench v2, questions with four choices, from its published data.json.", "Only the first N questions", streams)
    {
        Examples = ["moa eval longbench2 --model llama --data LongBench-v2 --plan plan.json", "moa eval longbench2 --question hidden --items 50 --policy snapkv:density=0.5"];
        foreach (Option option in new Option[] { EvalOptions.Data, _maxLength, EvalOptions.Question })
            Options.Add(option);
    }

    protected override IReadOnlyList<EvaluationSet> CreateSets(CommandContext context, LanguageModel model)
    {
        int most = MaxPromptTokens(context, _maxLength, model.Config);
        if (context.Get(_maxLength) is null)
            most = Math.Min(most, LongBench2Task.MostTokens);
        LongBench2Task task = new(model, new DataSetFiles(context.Get(EvalOptions.Data), LongBench2Task.Repository), most);
        return [EvalOptions.Asked(context, task.Read(Items(context)))];
    }
}
