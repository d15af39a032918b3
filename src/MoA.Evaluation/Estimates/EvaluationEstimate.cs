using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.Estimates;

/// <summary>What an evaluation would take and write.</summary>
internal static class EvaluationEstimate
{
    /// <summary>Reckons.</summary>
    /// <param name="model">The model.</param>
    /// <param name="speed">How fast it runs.</param>
    /// <param name="settings">How the evaluation runs.</param>
    /// <param name="runs">Sets, each with a policy.</param>
    public static RunEstimate Of(
        LanguageModel model, ModelSpeed speed, EvaluationSettings settings, IReadOnlyList<(EvaluationSet Set, PolicyChoice Choice)> runs)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(speed);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(runs);
        EvaluationRun evaluation = new(model, settings);
        List<EstimatedTime> times = [];
        long caches = 0;
        foreach ((EvaluationSet set, PolicyChoice choice) in runs)
        {
            AttentionPolicy policy = choice.Policy;
            double seconds = 0;
            foreach (EvaluationItem[] group in SequenceGroups.Of(set.Items, BytesOf, EvaluationRun.GroupSize))
            {
                bool answers = group[0].IsScored is null;
                seconds += answers
                    ? group.Sum(item => speed.Prefill(policy, item.Prompt.Length - item.HiddenTokens)) +
                        speed.Decode(policy, group.Max(item => item.Length), group.Max(item => item.HiddenTokens + item.MaxNewTokens), group.Length)
                    : group.Sum(item => Score(policy, item));
                caches = Math.Max(caches, answers ? PeakOf(group) : group.Max(item => PeakOf(item)));
            }

            times.Add(new EstimatedTime($"{set.Name} at {set.Length}, {choice.Setting}", seconds, $"{set.Items.Count} items"));

            long BytesOf(EvaluationItem item) => SequenceCache.EstimateBytes(model.Config, policy, item.Length, settings.CacheType);

            long PeakOf(params EvaluationItem[] items) => CacheMemory.Peak(model.Config, policy, items.Select(item => item.Length), settings.CacheType);
        }

        return new RunEstimate
        {
            Memory = [.. ModelMemory.Of(model), new EstimatedMemory("KV caches", caches)],
            Times = times,
            Files = [.. runs.Select(run => evaluation.FolderOf(run.Set, run.Choice) + Path.DirectorySeparatorChar)],
            Basis = speed.Basis,
        };

        double Score(AttentionPolicy policy, EvaluationItem item)
        {
            int prompt = settings.ScoreThroughDecode ? Math.Max(1, Array.IndexOf(item.IsScored!, true)) : item.Prompt.Length;
            return speed.Prefill(policy, prompt) + speed.Decode(policy, item.Length, item.Prompt.Length - prompt);
        }
    }
}
