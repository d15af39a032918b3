using System.Globalization;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Search.Optimization;
using MoA.Search.Profiling;

namespace MoA.Search.Pipeline;

/// <summary>The optimise step: from influence files to the Pareto plans of a model's KV heads.</summary>
internal static class PlanSearchStep
{
    /// <summary>Reads the influence of the profile lengths and checks that it belongs to the model.</summary>
    /// <exception cref="InvalidInputException">A file is missing, damaged or of another model.</exception>
    public static IReadOnlyList<InfluenceProfile> ReadProfiles(string folder, IReadOnlyList<int> lengths, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(lengths);
        ArgumentNullException.ThrowIfNull(config);
        return [.. lengths.Select(length => Read(InfluenceFile.PathFor(folder, length)))];

        InfluenceProfile Read(string path)
        {
            InfluenceProfile profile = InfluenceFile.Read(path);
            if (profile.Layers != config.Layers || profile.QueryHeads != config.QueryHeads)
            {
                throw new InvalidInputException(
                    $"{path}: influence of {profile.Model} with {profile.Layers} layers of {profile.QueryHeads} heads; the model " +
                    $"has {config.Layers} of {config.QueryHeads}: profile this model, or name the right one with --model");
            }

            return profile;
        }
    }

    /// <summary>The programme that the search solves: a rule for every KV head of the layers that plans give rules to.</summary>
    public static PlanProblem CreateProblem(
        IReadOnlyList<InfluenceProfile> profiles, ModelConfig config, SearchSettings settings)
    {
        ArgumentNullException.ThrowIfNull(profiles);
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(settings);
        if (profiles.FirstOrDefault(profile => profile.Block > settings.Block) is InfluenceProfile coarse)
        {
            throw new InvalidInputException(
                $"--block {settings.Block}: the influence at {coarse.Length} tokens was summed in blocks of {coarse.Block}; profile again with --block {settings.Block}");
        }

        if (profiles.FirstOrDefault(profile => profile.Scorer is not null && profile.Block != settings.Block) is InfluenceProfile ranked)
        {
            throw new InvalidInputException(
                $"--block {settings.Block}: the influence at {ranked.Length} tokens was summed in the order of scores in blocks of {ranked.Block}, which are not joined; use --block {ranked.Block}");
        }

        if (profiles.Select(profile => profile.Scorer).Distinct().Count() > 1)
        {
            throw new InvalidInputException(
                $"the influence at {string.Join(", ", profiles.Select(profile => $"{profile.Length} tokens was summed by {profile.Scorer ?? "positions"}"))}; profile all lengths alike");
        }

        IReadOnlyList<ElasticRule> rules = settings.Rules();
        IReadOnlyList<int> layers = config.PlannedLayers;
        PlanObjective[] objectives = [.. profiles.Select(profile =>
        {
            double[] losses = RuleLoss.OfKeyValueHeads(
                RuleLoss.Compute(profile.InBlocks(settings.Block).Values, config.Layers, config.QueryHeads, profile.Length, rules),
                config.Layers, config.QueryHeads, config.KeyValueHeads);
            int ofLayer = config.KeyValueHeads * rules.Count;
            return new PlanObjective(profile.Length, [.. layers.SelectMany(layer => losses.AsSpan(layer * ofLayer, ofLayer).ToArray())]);
        })];
        DensityConstraint[] constraints = [.. settings.DensityBounds
            .OrderBy(bound => bound.Key)
            .Select(bound => DensityConstraint.Of(bound.Key, bound.Value, rules, config))];
        return new PlanProblem(layers.Count, config.KeyValueHeads, rules, objectives, constraints)
        {
            MaxRulesPerLayer = settings.MaxRulesPerLayer,
            DensityFloor = settings.DensityFloor,
            SamePerLayer = settings.SamePerLayer,
            Model = (layers, config.Layers),
            Scorer = profiles[0].Scorer,
        };
    }

    /// <summary>
    /// Writes the plans of a result to a folder as <c>plan-000.json</c> and so on, then removes the plans that an earlier run
    /// wrote there. Files of anybody else, and plans that were changed since, stay as they are: their numbers are passed over.
    /// </summary>
    /// <returns>The files, in the order of the plans.</returns>
    public static IReadOnlyList<string> WritePlans(
        OptimizationResult result, HeadKind headKind, PlanModel? model, string folder)
    {
        ArgumentNullException.ThrowIfNull(result);
        OutputFolder.Create(folder);
        WrittenFiles written = WrittenFiles.Open(folder);
        string[] names =
        [
            .. Enumerable.Range(0, int.MaxValue)
                .Select(number => string.Create(CultureInfo.InvariantCulture, $"plan-{number:D3}.json"))
                .Where(written.IsFree)
                .Take(result.Plans.Count),
        ];
        written.Replace([.. names.Zip(result.Plans, (name, plan) => (name, PlanFile.ToUtf8(result.ToDocument(plan, headKind, model))))]);
        return [.. names.Select(name => Path.Combine(folder, name))];
    }
}
