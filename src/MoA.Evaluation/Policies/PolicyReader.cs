using System.Globalization;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Models;

namespace MoA.Evaluation.Policies;

/// <summary>Reads a policy as it is written on the command line: <c>NAME[:key=value,…]</c>.</summary>
public static class PolicyReader
{
    /// <summary>The policy that a text and a plan file stand for.</summary>
    /// <param name="text">dense, moa, streaming-llm:density=D or streaming-llm:span=TOKENS; null follows from the plan.</param>
    /// <param name="planFile">A plan, for moa; null for none.</param>
    /// <param name="config">The model that the policy is for.</param>
    /// <exception cref="InvalidInputException">The text or the plan cannot be used.</exception>
    public static AttentionPolicy Read(string? text, string? planFile, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        text ??= planFile is null ? "dense" : "moa";
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string name = colon < 0 ? text : text[..colon];
        Dictionary<string, string> settings = Settings(text, colon < 0 ? "" : text[(colon + 1)..]);
        if (planFile is not null && name != "moa")
            throw new InvalidInputException($"--policy {text} takes no plan; drop --plan {planFile} or use --policy moa");
        AttentionPolicy policy = name switch
        {
            "dense" => new DensePolicy(),
            "moa" => new PlanPolicy(ReadPlan(planFile, config)),
            "streaming-llm" => new StreamingLlmPolicy(UniformRule(text, settings)),
            _ => throw new InvalidInputException(
                $"--policy {text}: there is no policy '{name}'; expected dense, moa or streaming-llm"),
        };
        if (settings.Count > 0)
            throw new InvalidInputException($"--policy {text}: '{settings.Keys.First()}' is no setting of {name}");
        return policy;
    }

    /// <summary>Reads a plan and checks that it fits the model.</summary>
    public static AttentionPlan ReadPlan(string? planFile, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (planFile is null)
            throw new InvalidInputException("--policy moa needs a plan: add --plan FILE (moa compress writes one)");
        return PlanFile.Load(planFile).FitTo(config.Layers, config.QueryHeads, config.KeyValueHeads, planFile);
    }

    private static ElasticRule UniformRule(string text, Dictionary<string, string> settings)
    {
        if (settings.Remove("density", out string? density))
        {
            return Number(density) is > 0 and <= 1 and double share
                ? new ElasticRule(0, share)
                : throw new InvalidInputException($"--policy {text}: expected a density above 0 and up to 1");
        }

        if (settings.Remove("span", out string? span))
        {
            return Number(span) is >= 1 and < 1e9 and double tokens
                ? new ElasticRule(tokens, 0)
                : throw new InvalidInputException($"--policy {text}: expected a span in tokens, at least 1");
        }

        throw new InvalidInputException($"--policy {text}: give streaming-llm a size, as in streaming-llm:density=0.5");
    }

    private static double Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : double.NaN;

    private static Dictionary<string, string> Settings(string policy, string text)
    {
        Dictionary<string, string> settings = [];
        foreach (string part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1 || !settings.TryAdd(part[..equals], part[(equals + 1)..]))
                throw new InvalidInputException($"--policy {policy}: expected NAME:key=value,key=value with each key once");
        }

        return settings;
    }
}
