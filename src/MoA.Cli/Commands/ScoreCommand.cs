using System.CommandLine;
using System.Globalization;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Models;
using MoA.Evaluation.Estimates;
using MoA.Search;
using MoA.Search.Calibration;

namespace MoA.Cli.Commands;

/// <summary><c>moa score</c>: log-probabilities of given text or tokens.</summary>
internal sealed class ScoreCommand : CliCommand
{
    private readonly Option<string> _data = new("--data", "-d")
    {
        Description = "Items to score, one a line (.jsonl: messages, tokens or text)",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<int?> _decodeFrom = new("--decode-from")
    {
        Description = "Prefill the first K tokens, give every later one a decode step of its own (default: prefill all)",
        HelpName = "K",
    };

    private readonly Option<int?> _maxNewTokens = new("--max-new-tokens")
    {
        Description = "Rules see N = K + M tokens rather than the item's length",
        HelpName = "M",
    };

    public ScoreCommand(Streams streams)
        : base("score", "Gives the log-probability of every scored token, and the perplexity.", streams)
    {
        Examples =
        [
            "moa score --data items.jsonl --plan moa-out/plan.json",
            "moa score --data items.jsonl --decode-from 256 --max-new-tokens 64 --kv f32 --json",
        ];
        Options.Add(_data);
        Options.Add(_decodeFrom);
        Options.Add(_maxNewTokens);
        ModelOptions.AddTo(this);
        ModelOptions.AddPolicyTo(this);
        Options.Add(DryRun.Option);
    }

    protected override void Run(CommandContext context)
    {
        int? decodeFrom = context.Get(_decodeFrom), maxNewTokens = context.Get(_maxNewTokens);
        if (decodeFrom < 1)
            throw new InvalidInputException($"--decode-from {decodeFrom}: expected at least 1; the first token is always prefilled");
        if (maxNewTokens < 0)
            throw new InvalidInputException($"--max-new-tokens {maxNewTokens}: expected 0 or more");
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        SequenceScorer scorer = new(model.Transformer)
        {
            Policy = ModelOptions.ReadPolicy(context, model.Config),
            CacheType = ModelOptions.CacheType(context),
            DecodeFrom = decodeFrom ?? int.MaxValue,
            MaxNewTokens = maxNewTokens,
        };
        ItemEncoder encoder = new(model);
        EncodedItem[] items = [.. ConversationFile.Read(context.Get(_data)!).Select(encoder.Encode)];
        MmapOption.Apply(context, model, Estimate(ModelSpeed.Unmeasured(model, scorer.CacheType)).BytesBesideModel);
        if (DryRun.Asked(context))
        {
            DryRun.Show(context, Estimate(ModelSpeed.Measure(model, scorer.CacheType, cancellation: context.Cancellation)));
            return;
        }

        double[][] scores = context.WithProgress(report => ScoreAll(scorer, items, report, context.Cancellation));
        double meanCrossEntropy = -scores.SelectMany(item => item).Average();
        if (context.Json)
        {
            WriteJson(context, items, scores, meanCrossEntropy);
            return;
        }

        for (int i = 0; i < items.Length; i++)
        {
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{items[i].Item.Origin}: {items[i].Tokens.Length} tokens, {scores[i].Length} scored, " +
                $"mean cross-entropy {-scores[i].Average():F6}"));
        }

        context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"all: mean cross-entropy {meanCrossEntropy:F6} nats, perplexity {Math.Exp(meanCrossEntropy):F4}"));

        RunEstimate Estimate(ModelSpeed speed) => ScoringEstimate.Of(
            model, speed, scorer.Policy, scorer.CacheType, [.. items.Select(item => item.Tokens.Length)], scorer.DecodeFrom);
    }

    private static double[][] ScoreAll(
        SequenceScorer scorer, EncodedItem[] items, Action<StepProgress> report, CancellationToken cancellation)
    {
        double[][] scores = new double[items.Length][];
        long tokens = 0;
        for (int i = 0; i < items.Length; i++)
        {
            scores[i] = scorer.Score(items[i].Tokens, items[i].IsAnswer, cancellation);
            tokens += items[i].Tokens.Length;
            report(new StepProgress("score", "items", i + 1, items.Length, tokens));
        }

        return scores;
    }

    private static void WriteJson(CommandContext context, EncodedItem[] items, double[][] scores, double meanCrossEntropy) =>
        context.WriteJson(writer =>
        {
            writer.WriteObjects("items", items.Zip(scores), static (writer, entry) =>
            {
                (EncodedItem item, double[] logProbabilities) = entry;
                writer.WriteNumber("tokens", item.Tokens.Length);
                writer.WriteNumber("scored", logProbabilities.Length);
                writer.WriteNumber("meanCrossEntropy", -logProbabilities.Average());
                writer.WriteNumbers("logProbabilities", logProbabilities);
            });
            writer.WriteNumber("meanCrossEntropy", meanCrossEntropy);
            writer.WriteNumber("perplexity", Math.Min(Math.Exp(meanCrossEntropy), double.MaxValue)); // JSON has no infinity
        });
}
