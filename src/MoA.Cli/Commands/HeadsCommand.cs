using System.CommandLine;
using System.Globalization;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Evaluation.Estimates;
using MoA.Evaluation.Policies;
using MoA.Search;
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
        Description = "File to write: a line for each layer with a number for each KV head, as scores=FILE reads it; beside it a journal, from which an interrupted run goes on",
        HelpName = "FILE",
        DefaultValueFactory = _ => "heads.tsv",
    };

    public HeadsCommand(Streams streams)
        : base("heads", "Measures how much each KV head needs the whole context: head scores for the policies of two classes of heads, " +
            $"{PolicyHelp.WithHeadScores}.", streams)
    {
        KeepsFinishedWork = true;
        Examples =
        [
            "moa heads --by kvzip --data search/calibration.jsonl --out heads.tsv",
            "moa eval retrieval --policy duo-attention:density=0.5,scores=heads.tsv",
        ];
        Options.Add(_by);
        Options.Add(_data);
        Options.Add(_items);
        Options.Add(_out);
        Options.Add(DryRun.Option);
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
        string journalFile = $"{file}.{ResultJournal.FileName}";
        MmapOption.Apply(context, model, Estimate(ModelSpeed.Unmeasured(model, ElementType.F32)).BytesBesideModel);
        if (DryRun.Asked(context))
        {
            DryRun.Show(context, Estimate(ModelSpeed.Measure(model, ElementType.F32, cancellation: context.Cancellation)));
            return;
        }

        using ResultJournal journal = ResultJournal.Open(journalFile);
        double[][] scores = context.WithProgress(progress => new HeadMeasure(model, rule) { Journal = journal }.Run(texts, progress, context.Cancellation));
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

        RunEstimate Estimate(ModelSpeed speed) => HeadsEstimate.Of(model, speed, rule, [.. texts.Select(text => text.Length)], [file, journalFile]);
    }
}
