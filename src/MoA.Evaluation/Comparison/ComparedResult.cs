using MoA.Engine;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.Comparison;

/// <summary>A finished result among others, which may be called the same without being of the same run.</summary>
/// <param name="Folder">Its folder.</param>
/// <param name="Configuration">What was run.</param>
/// <param name="Metrics">What came out.</param>
internal sealed record ComparedResult(string Folder, EvaluationConfiguration Configuration, EvaluationMetrics Metrics)
{
    /// <summary>Reads a result folder.</summary>
    /// <exception cref="InvalidInputException">A file is missing or damaged.</exception>
    public static ComparedResult Read(string folder)
    {
        EvaluationConfiguration configuration = EvaluationFolder.ReadConfiguration(folder);
        return new ComparedResult(folder, configuration, EvaluationFolder.ReadMetrics(folder) with { Scores = null, Source = configuration.Source });
    }

    /// <summary>
    /// Metrics in which different things have different names: models are told apart by the format of their caches and by their weights where those of one name differ,
    /// policies by their plans. Copies of a result count once.
    /// </summary>
    /// <param name="results">All results that are compared.</param>
    /// <exception cref="InvalidInputException">Two results of a policy at a length and on a task are still not of the same run.</exception>
    public static IEnumerable<EvaluationMetrics> Distinguish(IReadOnlyList<ComparedResult> results)
    {
        ArgumentNullException.ThrowIfNull(results);
        HashSet<string> formats = Ambiguous(results, result => result.Metrics.Model, result => result.Configuration.Kv),
            weights = Ambiguous(results, result => result.Metrics.Model, result => result.Configuration.ModelFingerprint);
        HashSet<(string Model, string Setting)> policies =
            Ambiguous(results, result => (result.Metrics.Model, result.Metrics.PolicySetting), result => result.Configuration.PolicyIdentity);
        return results.Select(Named)
            .GroupBy(result => (result.Metrics.TaskName, result.Metrics.Length, result.Metrics.Model, result.Metrics.PolicySetting))
            .Select(group => Single([.. group]).Metrics);

        ComparedResult Named(ComparedResult result)
        {
            (string model, string setting) = (result.Metrics.Model, result.Metrics.PolicySetting);
            string name = weights.Contains(model) ? $"{model} {string.Concat(result.Configuration.ModelFingerprint.Take(6))}" : model;
            return result with
            {
                Metrics = result.Metrics with
                {
                    Model = formats.Contains(model) ? $"{name}, {result.Configuration.Kv} caches" : name,
                    PolicySetting = policies.Contains((model, setting)) ? $"{setting} ({result.Configuration.PolicyLabel})" : setting,
                },
            };
        }
    }

    // Names that stand for several values.
    private static HashSet<T> Ambiguous<T>(IEnumerable<ComparedResult> results, Func<ComparedResult, T> name, Func<ComparedResult, string> value) =>
        [.. results.GroupBy(name, value).Where(group => group.Distinct().Skip(1).Any()).Select(group => group.Key)];

    private static ComparedResult Single(ComparedResult[] same)
    {
        foreach (ComparedResult other in same[1..])
        {
            foreach (((string setting, string here), (_, string there)) in other.Configuration.Settings.Zip(same[0].Configuration.Settings))
            {
                if (here != there)
                {
                    throw new InvalidInputException(
                        $"{other.Folder}: is of the same policy, task and length as {same[0].Folder}, but not of the same run ({setting}: {here}; there: {there}); compare them apart");
                }
            }
        }

        return same.MaxBy(result => result.Metrics.Items)!;
    }
}
