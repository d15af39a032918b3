using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Configuration;
using MoA.Evaluation.Policies;

namespace MoA.Evaluation.Benchmarking;

/// <summary>A policy to measure and where it comes from.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="Settings">Its settings as they were written (<c>density=0.5</c>), or null.</param>
/// <param name="PlanFile">The plan's file, or null.</param>
internal sealed record BenchmarkPolicy(AttentionPolicy Policy, string? Settings, string? PlanFile)
{
    /// <summary>The prefill policy as it was written, or null.</summary>
    public string? Prefill { get; init; }

    /// <summary>Name, settings or plan, for tables and messages.</summary>
    public string Label => (Settings is not null ? $"{Policy.Name}:{Settings}"
        : PlanFile is not null ? $"{Policy.Name} {Path.GetFileName(PlanFile)}"
        : Policy.Name) + (Prefill is null ? "" : $"+{Prefill}");

    /// <summary>The policies that a command line names, in its order; each plan is a moa policy of its own.</summary>
    /// <param name="policies">Texts such as dense or streaming-llm:density=0.5; moa stands for all plans.</param>
    /// <param name="planFiles">Plans; those that no text stands for come last.</param>
    /// <param name="config">The model.</param>
    /// <returns>Dense alone if nothing is named.</returns>
    /// <exception cref="InvalidInputException">A text or a plan cannot be used, or moa has no plan.</exception>
    public static IReadOnlyList<BenchmarkPolicy> Read(
        IReadOnlyList<string> policies, IReadOnlyList<string> planFiles, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(policies);
        ArgumentNullException.ThrowIfNull(planFiles);
        List<BenchmarkPolicy> read = [];
        foreach (string text in policies.SelectMany(text => PolicyReader.Expand(text, config)).Concat(planFiles.Count > 0 && !policies.Any(PolicyReader.TakesPlan) ? [PlanPolicy.CommandName] : []))
        {
            (string? cache, string? prefill) = PolicyReader.Split(text);
            IEnumerable<string?> plans = planFiles.Count > 0 && PolicyReader.TakesPlan(text) ? (IEnumerable<string?>)planFiles : [null];
            int colon = cache?.IndexOf(':', StringComparison.Ordinal) ?? -1;
            read.AddRange(plans.Select(file => new BenchmarkPolicy(
                PolicyReader.Read(text, file, config, HeadProfile.Read), colon < 0 ? null : cache![(colon + 1)..], file)
            {
                Prefill = prefill,
            }));
        }

        return read.Count > 0 ? read : [new BenchmarkPolicy(new DensePolicy(), null, null)];
    }
}
