using System.CommandLine;
using System.Globalization;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Evaluation.Compression;
using MoA.Search;
using MoA.Search.Calibration;
using MoA.Search.Pipeline;

namespace MoA.Cli.Commands;

/// <summary><c>moa calibrate</c>: the conversations to profile and to validate on.</summary>
internal sealed class CalibrateCommand : CliCommand
{
    public CalibrateCommand(Streams streams)
        : base("calibrate", "Makes the conversations that plans are searched with, answered by the model itself. Writes calibration.jsonl " +
            "and validation.jsonl.", streams)
    {
        Examples =
        [
            "moa calibrate --lengths 512,1024 --validate-length 1536 --out search",
            "moa calibrate --data meetings.jsonl --out search",
        ];
        KeepsFinishedWork = true;
        ModelOptions.AddTo(this);
        CalibrationOptions.AddTo(this);
        Options.Add(SearchOptions.Lengths);
        Options.Add(SearchOptions.ValidateLength);
        Options.Add(StepOptions.Out);
        Options.Add(DryRun.Option);
        ClusterSearch.AddTo(this);
    }

    protected override void Run(CommandContext context)
    {
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        CompressionSettings settings = CalibrationOptions.Apply(
            context, CompressionSettings.DefaultsFor(model.Config, SearchOptions.ReadLengths(context, model.Config)));
        string folder = StepOptions.OutFolder(context);
        CalibrationOptions.NoteBaseModel(context, model);
        if (!ClusterOptions.IsGiven(context))
            MmapOption.Apply(context, model, StepOptions.MemoryEstimate(context, model).OfCalibration(settings.CalibrationStep).BytesBesideModel);
        if (DryRun.Asked(context))
        {
            DryRun.Show(context, StepOptions.Estimate(context, model, folder).OfCalibration(settings.CalibrationStep));
            return;
        }

        using ClusterSearch? cluster = ClusterSearch.Of(context, model);
        using ResultJournal journal = ResultJournal.OpenIn(folder, CalibrationStep.CalibrationFile, CalibrationStep.ValidationFile);
        CalibrationSets sets = context.WithProgress(progress => CalibrationStep.Run(
            model, settings.CalibrationStep, journal, folder, progress, cluster?.Workers, context.Cancellation));
        CalibrationSummary summary = CalibrationSummary.Of(
            sets.Calibration.Select(item => (item.Item, item.Length)), [.. settings.Search.ProfileLengths]);
        CalibrationSummary validation = CalibrationSummary.Of(
            sets.Validation.Select(item => (item.Item, item.Length)), [settings.Search.ValidationLength]);
        CalibrationOptions.NoteSkipped(context, sets.Skipped);
        if (context.Json)
            WriteJson(context, folder, [.. summary.Rows, .. validation.Rows], sets.Skipped);
        else
            WriteText(context, folder, [.. summary.Rows, .. validation.Rows]);
    }

    private static void WriteText(CommandContext context, string folder, IReadOnlyList<CalibrationSummaryRow> rows)
    {
        foreach (CalibrationSummaryRow row in rows)
        {
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{row.Length,6} tokens: {row.Items,4} {row.Kind}, {row.LeastTokens} to {row.MostTokens} tokens"));
        }

        context.Output.WriteLine(Path.Combine(folder, CalibrationStep.CalibrationFile));
        context.Output.WriteLine(Path.Combine(folder, CalibrationStep.ValidationFile));
    }

    private static void WriteJson(CommandContext context, string folder, IReadOnlyList<CalibrationSummaryRow> rows, IReadOnlyList<SkippedItems> skipped) =>
        context.WriteJson(writer =>
        {
            writer.WriteString("calibration", Path.Combine(folder, CalibrationStep.CalibrationFile));
            writer.WriteString("validation", Path.Combine(folder, CalibrationStep.ValidationFile));
            writer.WriteObjects("items", rows, static (writer, row) =>
            {
                writer.WriteString("kind", row.Kind);
                writer.WriteNumber("length", row.Length);
                writer.WriteNumber("items", row.Items);
                writer.WriteNumber("meanTokens", row.MeanTokens);
            });
            writer.WriteObjects("skipped", skipped, static (writer, skipped) =>
            {
                writer.WriteString("file", skipped.File);
                writer.WriteNumber("items", skipped.Items);
                writer.WriteNumber("skipped", skipped.Tokens.Count);
            });
        });
}
