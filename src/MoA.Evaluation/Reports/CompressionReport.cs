using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Files;

namespace MoA.Evaluation.Reports;

/// <summary>
/// Everything one run of a plan search found, as <c>report.json</c> holds it (camelCase names; lengths in tokens are
/// the keys of maps). <see cref="ReportPage"/> shows it.
/// </summary>
public sealed record CompressionReport
{
    /// <summary>The value of <see cref="Format"/> that this version reads and writes.</summary>
    public const string CurrentFormat = "moa-report/1";

    /// <summary>Name and version of the file format.</summary>
    public string Format { get; init; } = CurrentFormat;

    /// <summary>Version of the tool that ran the search.</summary>
    public required string ToolVersion { get; init; }

    /// <summary>The model.</summary>
    public required ReportModel Model { get; init; }

    /// <summary>What the search was asked for.</summary>
    public required ReportSettings Settings { get; init; }

    /// <summary>Wall-clock time of each step, in the order they ran.</summary>
    public required ReportTiming[] Timings { get; init; }

    /// <summary>Calibration items, one entry per length.</summary>
    public required ReportCalibration[] Calibration { get; init; }

    /// <summary>Candidate rules of a head.</summary>
    public required int Rules { get; init; }

    /// <summary>Best predicted loss and its proof, one entry per profile length.</summary>
    public required ReportObjective[] Objectives { get; init; }

    /// <summary>All plans of the Pareto front.</summary>
    public required ReportPlan[] Plans { get; init; }

    /// <summary>Seconds that the plan search took.</summary>
    public required double Seconds { get; init; }

    /// <summary>The plan that the search hands over.</summary>
    public required ReportChosenPlan Plan { get; init; }

    /// <summary>Loss at the validation length: dense, the plans, and the uniform plan of equal density.</summary>
    public required ReportValidation[] Validation { get; init; }

    /// <summary>Retrieval accuracy and memory of each policy at each length; empty when it was not run.</summary>
    public required ReportRetrieval[] Retrieval { get; init; }

    /// <summary>Influence of the heads with the shortest and the longest span.</summary>
    public required ReportInfluence[] Influence { get; init; }

    /// <summary>What a reader should know, in plain sentences.</summary>
    public required string[] Notes { get; init; }

    /// <summary>Commands that make the tables again.</summary>
    public required ReportCommand[] Commands { get; init; }

    /// <summary>The report as one JSON document; safe inside a script element of a page.</summary>
    /// <exception cref="ArgumentException">A number of the report is not finite.</exception>
    public string ToJson() => JsonSerializer.Serialize(this, ReportJsonContext.Default.CompressionReport);

    /// <summary>Writes the report to a JSON file; an existing one is replaced once the new one is complete.</summary>
    /// <exception cref="ArgumentException">A number of the report is not finite.</exception>
    /// <exception cref="InvalidInputException">The file cannot be written.</exception>
    public void Write(string path) => WholeFile.WriteText(path, ToJson() + "\n");

    /// <summary>Reads a report from the JSON file <paramref name="path"/>.</summary>
    /// <exception cref="InvalidInputException">The file cannot be read or is no report of this version.</exception>
    public static CompressionReport Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            CompressionReport? report = JsonSerializer.Deserialize(
                InputFile.ReadText(path), ReportJsonContext.Default.CompressionReport);
            if (report?.Format == CurrentFormat)
                return report;
            throw new InvalidInputException(
                $"{path}: the format is \"{report?.Format}\" where \"{CurrentFormat}\" was expected; "
                + "run 'moa compress' again with this version.");
        }
        catch (JsonException e)
        {
            throw new InvalidInputException(
                $"{path}: line {e.LineNumber + 1}, {e.Path ?? "$"}: not a report of 'moa compress'; "
                + "give the report.json that it wrote.",
                e);
        }
    }
}
