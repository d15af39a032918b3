using System.CommandLine;
using System.Globalization;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Configuration;
using MoA.Evaluation.Tasks;

namespace MoA.Cli.Options;

/// <summary>Options shared by the evaluations.</summary>
internal static class EvalOptions
{
    // Those of the paper's figure.
    private const string DefaultDensities = "0.25,0.5,0.75";

    private const string Shown = "shown", Hidden = "hidden";

    public static Option<string[]> Policies { get; } = new("--policy")
    {
        Description = $"A rival: {PolicyHelp.WithSize}, {PolicyHelp.OfOwnSize} without a size, or with head scores {PolicyHelp.WithHeadScores} (docs/policies.md); {PolicyReader.All}: " +
            $"every one that can run on the model, those of head scores with all:profile=DIR or all:scores=FILE{PolicyHelp.Prefill}. May be given several times. Dense " +
            "attention is always measured too",
        HelpName = PolicyHelp.Form,
        CompletionSources = { _ => PolicyHelp.Completions(PolicyReader.All) },
    };

    public static Option<string[]> Plans { get; } = new("--plan")
    {
        Description = "Plan file, measured beside one span for all heads of the same density; may be given several times",
        HelpName = "FILE",
    };

    public static Option<string?> Densities { get; } = new("--densities")
    {
        Description = $"Runs every policy that is named without a size at each of these densities (default: none; for all {DefaultDensities})",
        HelpName = "LIST",
    };

    public static Option<string?> Data { get; } = new("--data", "-d")
    {
        Description = "File, folder or zip archive of the data set",
        HelpName = "PATH",
    };

    public static Option<string?> Question { get; } = new("--question")
    {
        Description = "shown: the policy reads the question with the context before it chooses what to keep; hidden: it chooses at the context's end, " +
            "and the question goes through the caches that it left (default: shown)",
        HelpName = $"{Shown}|{Hidden}",
        CompletionSources = { Shown, Hidden },
    };

    public static Option<bool> ScoreOnly { get; } = new("--score-only")
    {
        Description = "Scores the predictions in --out again; runs no model",
    };

    public static Option<string?> Jieba { get; } = new("--jieba")
    {
        Description = "Folder of the Python package jieba (dict.txt, finalseg/prob_emit.py), for Chinese answers",
        HelpName = "DIR",
    };

    public static Option<string> Out { get; } = new("--out", "-o")
    {
        Description = "Folder in which each set and policy gets a folder of its own; what an interrupted run finished there is kept",
        HelpName = "DIR",
        DefaultValueFactory = _ => "moa-eval",
    };

    /// <summary>Adds the options of every evaluation.</summary>
    public static void AddTo(Command command)
    {
        ModelOptions.AddTo(command);
        command.Options.Add(Policies);
        command.Options.Add(Plans);
        command.Options.Add(Densities);
        command.Options.Add(Out);
        command.Options.Add(ScoreOnly);
        command.Options.Add(DryRun.Option);
        ClusterSearch.AddTo(command);
    }

    /// <summary>The policies to measure at a length: dense, those that were named, plans with their uniform rivals.</summary>
    public static IReadOnlyList<PolicyChoice> PoliciesFor(CommandContext context, ModelConfig config, int length)
    {
        List<PolicyChoice> choices = [PolicyChoice.Dense];
        string[] plans = context.Get(Plans) ?? [];
        foreach (string text in context.Get(Policies) ?? [])
        {
            if (text == PlanPolicy.CommandName && plans.Length > 0)
                continue; // the plans stand for it
            if (plans.Length > 0 && PolicyReader.TakesPlan(text))
            {
                choices.AddRange(plans.Select(file => PolicyChoice.Read(text, file, config)));
                continue;
            }

            IReadOnlyList<string> policies = PolicyReader.Expand(text, config);
            string? densities = context.Get(Densities) ?? (policies[0] != text ? DefaultDensities : null);
            choices.AddRange(policies.SelectMany(policy => AtDensities(policy, densities)).Select(setting => PolicyChoice.Read(setting, null, config)));
        }

        foreach (PolicyChoice plan in plans.Select(file => PolicyChoice.Read(null, file, config)))
        {
            choices.Add(plan);
            choices.Add(PolicyChoice.UniformRivalOf(plan, config, length));
        }

        return [.. choices.DistinctBy(choice => choice.Identity)];
    }

    /// <summary>A set as <see cref="Question"/> has it asked.</summary>
    /// <exception cref="InvalidInputException">It is to be asked otherwise, or has prompts without a question at their end.</exception>
    public static EvaluationSet Asked(CommandContext context, EvaluationSet set) => context.Get(Question) switch
    {
        null or Shown => set,
        Hidden => set.WithHiddenQuestions(),
        string other => throw new InvalidInputException($"--question {other}: expected {Shown} or {Hidden}"),
    };

    /// <summary>Names parted by commas, as they are.</summary>
    public static string[] Names(string? text) =>
        text?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];

    private static IEnumerable<string> AtDensities(string policy, string? densities)
    {
        if (densities is null || PolicyReader.HasSize(policy))
            return [policy];
        (string? cache, string? prefill) = PolicyReader.Split(policy);
        return Lists.Densities("--densities", densities).Select(value =>
        {
            string density = value.ToString("R", CultureInfo.InvariantCulture); // 0.5 for 0.50 too
            string sized = cache!.Contains(':', StringComparison.Ordinal) ? $"{cache},density={density}" : $"{cache}:density={density}";
            return prefill is null ? sized : $"{sized}+{prefill}";
        });
    }
}
