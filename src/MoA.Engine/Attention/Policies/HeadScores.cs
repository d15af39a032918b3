using System.Globalization;
using System.Text;
using MoA.Engine.Configuration;
using MoA.Engine.Files;

namespace MoA.Engine.Attention.Policies;

/// <summary>How much each KV head needs the whole context, in a file.</summary>
internal static class HeadScores
{
    /// <summary>
    /// A text of one line a layer and one number a head, parted by tabs, commas or spaces: DuoAttention's
    /// <c>full_attention_heads.tsv</c>. With a number for every query head a group counts as its largest.
    /// </summary>
    /// <returns>[layers][KV heads].</returns>
    /// <exception cref="InvalidInputException">The file cannot be read or belongs to a model of another shape.</exception>
    public static double[][] ReadFile(string path, ModelConfig config)
    {
        string[] lines = [.. InputFile.ReadLines(path).Where(line => !string.IsNullOrWhiteSpace(line)).Take(config.Layers + 1)];
        if (lines.Length != config.Layers)
        {
            throw new InvalidInputException(
                $"{path}: {(lines.Length > config.Layers ? "more" : $"{lines.Length}")} lines of head scores; expected one for each "
                + $"of the model's {config.Layers} layers");
        }

        return [.. lines.Select((line, layer) => ReadLine(path, layer, line, config))];
    }

    /// <summary>Writes scores as <see cref="ReadFile"/> reads them.</summary>
    /// <param name="path">The file.</param>
    /// <param name="scores">[layers][KV heads].</param>
    /// <exception cref="InvalidInputException">No file can be made there.</exception>
    public static void WriteFile(string path, double[][] scores) => WholeFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(string.Concat(
        scores.Select(layer => string.Join('\t', layer.Select(score => score.ToString("G9", CultureInfo.InvariantCulture))) + "\n")))));

    private static double[] ReadLine(string path, int layer, string line, ModelConfig config)
    {
        // A comma parts numbers only where nothing else does: in "0,7 0,3" it is a decimal comma, which is refused below.
        string[] fields = line.Trim().Split(['\t', ' '], StringSplitOptions.RemoveEmptyEntries);
        fields = fields.Length == 1 ? line.Trim().Split(',') : [.. fields.Select(field => field.TrimEnd(','))];
        if (fields.Length != config.KeyValueHeads && fields.Length != config.QueryHeads)
        {
            throw new InvalidInputException(
                $"{path}: layer {layer} has {fields.Length} head scores; expected {config.KeyValueHeads}, one for each KV head, or "
                + $"{config.QueryHeads}, one for each query head");
        }

        double[] scores = [.. fields.Select(field => Score(path, layer, field))];
        return [.. scores.Chunk(fields.Length / config.KeyValueHeads).Select(group => group.Max())];
    }

    private static double Score(string path, int layer, string field) =>
        NumberText.TryDecimal(field, out double score)
            ? score
            : throw new InvalidInputException(
                $"{path}: layer {layer} has a head score '{(field.Length <= 40 ? field : field[..40] + "…")}'; expected a finite number, written with a point");
}
