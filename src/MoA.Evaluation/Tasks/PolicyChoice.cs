using System.Globalization;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Evaluation.Policies;
using MoA.Search;
using MoA.Search.Validation;

namespace MoA.Evaluation.Tasks;

/// <summary>A policy with the words that name it in results.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="Setting">How it is written on the command line, or the plan's file.</param>
/// <param name="Identity">Equal for two policies only if they keep the same rows.</param>
internal sealed record PolicyChoice(AttentionPolicy Policy, string Setting, string Identity)
{
    /// <summary>The policy in the names of result folders: two of the same name and density may still differ.</summary>
    public string Label { get; init; } = Setting;

    /// <summary>The policy that keeps everything.</summary>
    public static PolicyChoice Dense { get; } = new(new DensePolicy(), DensePolicy.CommandName, DensePolicy.CommandName);

    /// <summary>Reads a policy as the command line writes it.</summary>
    /// <param name="text"><c>NAME[:key=value,…]</c>, or null to follow from the plan.</param>
    /// <param name="planFile">The plan of moa; null for none.</param>
    /// <param name="config">The model it is for.</param>
    /// <exception cref="InvalidInputException">The text or the plan cannot be used.</exception>
    public static PolicyChoice Read(string? text, string? planFile, ModelConfig config)
    {
        AttentionPolicy policy = PolicyReader.Read(text, planFile, config, HeadProfile.Read);
        string setting = text ?? policy.FullName;
        (string? cache, string? prefill) = PolicyReader.Split(setting);
        List<string> contents = [];
        string name = cache ?? DensePolicy.CommandName;
        if (planFile is not null)
        {
            contents.Add(ResultJournal.Hash(InputFile.ReadText(planFile)));
        }
        else if (policy is TwoClassPolicy heads)
        {
            // Where the scores come from says nothing about them: what counts is the order that they put the heads in.
            name = Without(name, TwoClassReader.Scores, TwoClassReader.Profile);
            contents.Add(ResultJournal.Hash(string.Join(';', heads.Ranks.Select(layer => string.Join(',', layer)))));
        }

        if (prefill is not null)
        {
            string rest = Without(prefill, PrefillReader.Patterns);
            if (rest != prefill)
                contents.Add(ResultJournal.Hash(policy.Prefill!.Identity));
            name = $"{name}+{rest}";
        }

        // A plan that was searched with a scorer says in its file alone that it runs by content.
        if (policy is ContentPlanPolicy content && setting == PlanPolicy.CommandName)
            setting = $"{setting}:{ScorerReader.Scorer.Key}={content.Scorer.Name}";
        string written = planFile is null ? setting : $"{setting} {planFile}";
        return contents.Count == 0
            ? new PolicyChoice(policy, written, name) { Label = name }
            : new PolicyChoice(policy, written, $"{name} {string.Join(' ', contents)}") { Label = $"{name}-{string.Join('-', contents.Select(content => content[..6]))}" };

        static string Without(string text, params ReadOnlySpan<PolicySetting> settings)
        {
            PolicySettings read = new(text);
            foreach (PolicySetting setting in settings)
                _ = read.Path(setting);
            return read.Rest;
        }
    }

    /// <summary>The rival of a plan that <see cref="UniformPlan"/> finds, with the words that bring it back on a command line.</summary>
    public static PolicyChoice UniformRivalOf(PolicyChoice plan, ModelConfig config, int length)
    {
        ArgumentNullException.ThrowIfNull(plan);
        StreamingLlmPolicy rival = UniformPlan.OfEqualDensity(plan.Policy, config, length);
        string setting = string.Create(
            CultureInfo.InvariantCulture, $"{StreamingLlmPolicy.CommandName}:{PolicySetting.Density.Key}={rival.Rule.Beta:R}");
        return new PolicyChoice(rival, setting, setting);
    }
}
