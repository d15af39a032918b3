using System.CommandLine;
using System.Globalization;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Evaluation.Policies;
using MoA.Search.Calibration;
using MoA.Search.Pipeline;

namespace MoA.Cli.Commands;

/// <summary><c>moa heads</c>: how much each KV head needs the whole context, for policies of two classes of heads.</summary>
internal sealed class HeadsCommand : CliCommand
{
    private readonly Option<string> _by = new("--by")
    {
        Description = "kvzip: the most attention that a row gets while the text is repeated (KVzip's head scores); duo: how far back the mean query looks among " +
            "copies of the mean key (kvpress's scores for DuoAttention)",
        HelpName = "RULE",
        Required = true,
        CompletionSources = { "kvzip", "duo" },
    };

    private readonly Option<string> _data = new("--data", "-d")
    {
        Description = "Texts to measure on (.jsonl), such as calibration.jsonl of moa calibrate; the longest are taken",
        HelpName = "FILE",
        Required = true,
    };

    private readonly Option<int?> _items = new("--items")
    {
        Description = $"Most texts (default, as in the official codes: {HeadMeasure.DefaultTexts(HeadRule.KvZip)} for kvzip, " +
            $"{HeadMeasure.DefaultTexts(HeadRule.Duo)} for duo)",
        HelpName = "N",
    };

    private readonly Option<string> _out = new("--out", "-o")
    {
        Description = "File to write: a line for each layer with a number for each KV head, as scores=FILE reads it",
        HelpName = "FILE",
        DefaultValueFactory = _ => "heads.tsv",
    };

    public HeadsCommand(Streams streams)
        : base("heads", "Measures how much each KV head needs the whole context: head scores for the policies of two classes of heads, " +
            $"{PolicyHelp.WithHeadScores}.", streams)
    {
        Examples =
        [
            "moa heads --by kvzip --data search/calibration.jsonl --out heads.tsv",
            "moa eval retrieval --policy duo-attention:density=0.5,scores=heads.tsv",
        ];
        Options.Add(_by);
        Options.Add(_data);
        Options.Add(_items);
        Options.Add(_out);
        ModelOptions.AddTo(this);
    }

    protected override void Run(CommandContext context)
    {
        HeadRule rule = context.Get(_by) switch
        {
            "kvzip" => HeadRule.KvZip,
            "duo" => HeadRule.Duo,
            string other => throw new InvalidInputException($"--by {other}: expected kvzip or duo"),
            null => throw new InvalidInputException("--by: expected kvzip or duo"),
        };
        int most = CalibrationOptions.Positive(context, _items) ?? HeadMeasure.DefaultTexts(rule);
        string data = context.Get(_data)!, file = context.Get(_out)!;
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        int[][] texts =
        [
            .. CalibrationStep.ReadTexts(model, data).Select(text => text[..Math.Min(text.Length, model.Config.LongestText)])
                .OrderByDescending(text => text.Length).Take(most),
        ];
        MmapOption.Apply(context, model, 2 * SequenceCache.EstimateBytes(model.Config, AttentionPolicy.Dense, texts[0].Length, ElementType.F32));
        double[][] scores = context.WithProgress(progress => new HeadMeasure(model, rule).Run(texts, progress, context.Cancellation));
        HeadScores.WriteFile(file, scores);
        if (!context.Json)
        {
            foreach ((double[] layer, int index) in scores.Select((layer, index) => (layer, index)))
                context.Output.WriteLine($"layer {index,3}: {string.Join(' ', layer.Select(score => score.ToString("F4", CultureInfo.InvariantCulture)))}");
            context.Output.WriteLine($"{texts.Length} texts of {texts.Min(text => text.Length)} to {texts.Max(text => text.Length)} tokens  {file}");
            return;
        }

        context.WriteJson(writer =>
        {
            writer.WriteString("by", context.Get(_by));
            writer.WriteNumber("items", texts.Length);
            writer.WriteNumber("tokens", texts.Sum(text => text.Length));
            writer.WriteStartArray("scores");
            foreach (double[] layer in scores)
            {
                writer.WriteStartArray();
                foreach (double score in layer)
                    writer.WriteNumberValue(score);
                writer.WriteEndArray();
            }

            writer.WriteEndArray();
            writer.WriteString("file", file);
        });
    }
}
