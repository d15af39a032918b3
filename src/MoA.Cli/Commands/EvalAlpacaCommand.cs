using System.CommandLine;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Evaluation.Alpaca;
using MoA.Evaluation.Data;
using MoA.Evaluation.Estimates;
using MoA.Evaluation.Tasks;

namespace MoA.Cli.Commands;

/// <summary><c>moa eval alpaca</c>: answers to AlpacaEval's instructions, and what a judge thinks of them.</summary>
internal sealed class EvalAlpacaCommand : EvalCommand
{
    private const string KeyVariable = "OPENAI_API_KEY";
    private const int MostTimeoutSeconds = 86400;

    private readonly Option<int?> _maxNewTokens = new("--max-new-tokens")
    {
        Description = "Most tokens of an answer (default: 512)",
        HelpName = "N",
    };

    private readonly Option<string?> _judge = new("--judge")
    {
        Description = $"OpenAI-compatible endpoint that judges, such as http://localhost:8080/v1; its key is read from {KeyVariable}",
        HelpName = "URL",
    };

    private readonly Option<string?> _judgeModel = new("--judge-model")
    {
        Description = "The judging model's name at the endpoint",
        HelpName = "NAME",
    };

    private readonly Option<int?> _judgeTimeout = new("--judge-timeout")
    {
        Description = "How long one answer of the judge may take (default: 120); what may pass is tried three times",
        HelpName = "SECONDS",
    };

    public EvalAlpacaCommand(Streams streams)
        : base("alpaca", "Answers AlpacaEval's instructions and writes them in its format; with --judge also asks a judging model which of two " +
            "answers is better.", "Only the first N instructions", streams)
    {
        Examples =
        [
            "moa eval alpaca --model llama --data alpaca_eval_gpt4_baseline.json --plan plan.json",
            "moa eval alpaca --model llama --data alpaca_eval.json --judge http://localhost:8080/v1 --judge-model judge",
        ];
        foreach (Option option in new Option[] { EvalOptions.Data, _maxNewTokens, _judge, _judgeModel, _judgeTimeout })
            Options.Add(option);
    }

    protected override IReadOnlyList<EvaluationSet> CreateSets(CommandContext context, LanguageModel model)
    {
        using AlpacaJudge? judge = CreateJudge(context); // what is wrong about it is said before the model answers
        EvaluationSet set = AlpacaTask.Read(
            model, new DataSetFiles(context.Get(EvalOptions.Data), AlpacaTask.Repository),
            CalibrationOptions.Positive(context, _maxNewTokens) ?? 512, Items(context));
        if (judge is not null)
            AlpacaJudge.Check(set);
        return [set];
    }

    protected override IEnumerable<EstimatedTime> FurtherSteps(CommandContext context) =>
        context.Get(_judge) is string url ? [new EstimatedTime("judge", null, $"as long as {url} takes, one question an instruction")] : [];

    protected override EvaluationMetrics Finish(CommandContext context, string folder, EvaluationMetrics metrics)
    {
        context.Note($"{metrics.PolicySetting}: answers are in {AlpacaTask.WriteOutputs(folder)}");
        using AlpacaJudge? judge = CreateJudge(context);
        return judge is null ? metrics : context.WithProgress(progress => judge.Judge(folder, progress, context.Cancellation));
    }

    private AlpacaJudge? CreateJudge(CommandContext context)
    {
        if (context.Get(_judge) is not string url)
            return null;
        string name = context.Get(_judgeModel) is { Length: > 0 } given
            ? given
            : throw new InvalidInputException("--judge needs --judge-model: the judging model's name at the endpoint");
        TimeSpan? timeout = CalibrationOptions.Positive(context, _judgeTimeout) switch
        {
            null => null,
            <= MostTimeoutSeconds and int seconds => TimeSpan.FromSeconds(seconds),
            int seconds => throw new InvalidInputException($"--judge-timeout {seconds}: expected at most {MostTimeoutSeconds} seconds"),
        };
        return new AlpacaJudge(url, name, Environment.GetEnvironmentVariable(KeyVariable), timeout);
    }
}
