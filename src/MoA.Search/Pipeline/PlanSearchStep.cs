using System.Globalization;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Search.Optimization;
using MoA.Search.Profiling;

namespace MoA.Search.Pipeline;

/// <summary>The optimise step: from influence files to the Pareto plans of a model's KV heads.</summary>
public static class PlanSearchStep
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

    /// <summary>The programme that the search solves: a rule for every KV head.</summary>
    public static PlanProblem CreateProblem(
        IReadOnlyList<InfluenceProfile> profiles, ModelConfig config, SearchSettings settings)
    {
        ArgumentNullException.ThrowIfNull(profiles);
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(settings);
        IReadOnlyList<ElasticRule> rules = settings.Rules();
        PlanObjective[] objectives = [.. profiles.Select(profile => new PlanObjective(
            profile.Length,
            RuleLoss.OfKeyValueHeads(
                RuleLoss.Compute(profile.Values, config.Layers, config.QueryHeads, profile.Length, rules),
                config.Layers, config.QueryHeads, config.KeyValueHeads)))];
        DensityConstraint[] constraints = [.. settings.DensityBounds
            .OrderBy(bound => bound.Key)
            .Select(bound => DensityConstraint.Of(bound.Key, bound.Value, rules))];
        return new PlanProblem(config.Layers, config.KeyValueHeads, rules, objectives, constraints)
        {
            MaxRulesPerLayer = settings.MaxRulesPerLayer,
            DensityFloor = settings.DensityFloor,
            SamePerLayer = settings.SamePerLayer,
        };
    }

    /// <summary>The name of the i-th plan's file.</summary>
    public static string FileName(int index) => string.Create(CultureInfo.InvariantCulture, $"plan-{index:D3}.json");

    /// <summary>Writes the plans of a result to a folder and removes plan files of earlier runs there.</summary>
    /// <returns>The files, in the order of the plans.</returns>
    public static IReadOnlyList<string> WritePlans(
        OptimizationResult result, HeadKind headKind, PlanModel? model, string folder)
    {
        ArgumentNullException.ThrowIfNull(result);
        OutputFolder.Create(folder);
        foreach (string old in Directory.EnumerateFiles(folder, "plan-*.json"))
            File.Delete(old);
        List<string> files = [];
        foreach (ParetoPlan plan in result.Plans)
        {
            string file = Path.Combine(folder, FileName(files.Count));
            PlanFile.Save(file, result.ToDocument(plan, headKind, model));
            files.Add(file);
        }

        return files;
    }
}
