using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Search.Optimization;
using MoA.Search.Profiling;

namespace MoA.Evaluation.Policies;

/// <summary>How much each KV head needs the whole context, taken from an influence profile: for policies with the setting <c>profile</c>.</summary>
internal static class HeadProfile
{
    /// <summary>What the heads would lose if they kept a rule's rows only: the influence that it hides.</summary>
    /// <param name="path">An influence file, or a folder of them, of which the longest length counts.</param>
    /// <param name="rule">What heads keep that are no retrieval heads.</param>
    /// <param name="config">The model.</param>
    /// <returns>[layers][KV heads].</returns>
    /// <exception cref="InvalidInputException">There is no profile, or it belongs to a model of another shape.</exception>
    public static double[][] Read(string path, ElasticRule rule, ModelConfig config)
    {
        InfluenceProfile profile = Directory.Exists(path) ? Longest(path) : InfluenceFile.Read(path);
        if (profile.Layers != config.Layers || profile.QueryHeads != config.QueryHeads)
        {
            throw new InvalidInputException(
                $"{path}: influence of {profile.Layers} layers of {profile.QueryHeads} query heads; the model has {config.Layers} "
                + $"layers of {config.QueryHeads}");
        }

        if (profile.Scorer is not null)
            throw new InvalidInputException($"{path}: influence in the order of {profile.Scorer}, and a window keeps the last tokens; give a profile by positions");
        double[] losses = RuleLoss.OfKeyValueHeads(
            RuleLoss.Compute(profile.InBlocks(rule.Block).Values, profile.Layers, profile.QueryHeads, profile.Length, [rule]), config.Layers,
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
}
