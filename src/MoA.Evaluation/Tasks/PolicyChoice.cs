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
        string setting = text ?? policy.Name;
        if (planFile is not null)
            return OfContent($"{setting} {planFile}", setting, ResultJournal.Hash(InputFile.ReadText(planFile)));
        if (policy is not TwoClassPolicy heads)
            return new PolicyChoice(policy, setting, setting);

        // Where the scores come from says nothing about them: what counts is the order that they put the heads in.
        PolicySettings settings = new(setting);
        _ = (settings.Path(TwoClassReader.Scores), settings.Path(TwoClassReader.Profile));
        return OfContent(setting, settings.Rest, ResultJournal.Hash(string.Join(';', heads.Ranks.Select(layer => string.Join(',', layer)))));

        PolicyChoice OfContent(string written, string name, string content) =>
            new(policy, written, $"{name} {content}") { Label = $"{name}-{content[..6]}" };
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
