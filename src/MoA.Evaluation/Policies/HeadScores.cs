using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Search.Optimization;
using MoA.Search.Profiling;

namespace MoA.Evaluation.Policies;

/// <summary>How much each KV head needs the whole context: read from a file, or taken from an influence profile.</summary>
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

    /// <summary>What the heads would lose if they kept a rule's rows only: the influence that it hides.</summary>
    /// <param name="path">An influence file, or a folder of them, of which the longest length counts.</param>
    /// <param name="rule">What heads keep that are no retrieval heads.</param>
    /// <param name="config">The model.</param>
    /// <returns>[layers][KV heads].</returns>
    /// <exception cref="InvalidInputException">There is no profile, or it belongs to a model of another shape.</exception>
    public static double[][] FromProfile(string path, ElasticRule rule, ModelConfig config)
    {
        InfluenceProfile profile = Directory.Exists(path) ? Longest(path) : InfluenceFile.Read(path);
        if (profile.Layers != config.Layers || profile.QueryHeads != config.QueryHeads)
        {
            throw new InvalidInputException(
                $"{path}: influence of {profile.Layers} layers of {profile.QueryHeads} query heads; the model has {config.Layers} "
                + $"layers of {config.QueryHeads}");
        }

        double[] losses = RuleLoss.OfKeyValueHeads(
            RuleLoss.Compute(profile.Values, profile.Layers, profile.QueryHeads, profile.Length, [rule]), config.Layers,
            config.QueryHeads, config.KeyValueHeads);
        return [.. losses.Chunk(config.KeyValueHeads)];
    }

    private static InfluenceProfile Longest(string folder)
    {
        InfluenceProfile[] profiles =
        [
            .. Directory.EnumerateFiles(folder, "influence-*.safetensors")
                .Where(file => !file.EndsWith(".partial.safetensors", StringComparison.Ordinal))
                .Select(InfluenceFile.Read),
        ];
        return profiles.MaxBy(profile => profile.Length)
            ?? throw new InvalidInputException($"{folder}: no influence-N.safetensors; moa profile writes them");
    }

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
