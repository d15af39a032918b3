using System.CommandLine.Completions;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;

namespace MoA.Cli.Options;

/// <summary>How help texts and completions name the policies of <see cref="PolicyTable"/>.</summary>
internal static class PolicyHelp
{
    /// <summary>How a policy is written.</summary>
    public const string Form = "NAME[:key=value,…]";

    /// <summary>How prefill policies are named behind others.</summary>
    public static string Prefill { get; } =
        $"; +{string.Join(", +", PrefillReader.All.Select(policy => policy.Name))} behind it says what prompts attend to, as in snapkv:density=0.5+xattention";

    /// <summary>Those that take no size: dense, and moa as the last.</summary>
    public static string WithoutSize { get; } = PolicyTable.Names(PolicyTable.All.Where(policy => !policy.TakesSize).OrderBy(policy => policy.TakesPlan));

    /// <summary>Those whose size is a result.</summary>
    public static string OfOwnSize { get; } = PolicyTable.Names(PolicyTable.All.Where(policy => !policy.TakesSize && !policy.TakesPlan && policy.Name != DensePolicy.CommandName));

    /// <summary>Those that take a size alone.</summary>
    public static string WithSize { get; } = PolicyTable.Names(PolicyTable.All.Where(policy => policy.TakesSize && !policy.NeedsHeadScores));

    /// <summary>Those that need head scores too.</summary>
    public static string WithHeadScores { get; } = PolicyTable.Names(PolicyTable.All.Where(policy => policy.NeedsHeadScores));

    /// <summary>Every policy's name with its settings, for a shell.</summary>
    /// <param name="more">Further names.</param>
    public static IEnumerable<CompletionItem> Completions(params IEnumerable<string> more) => PolicyTable.All
        .Select(policy => new CompletionItem(
            policy.Name, insertText: policy.TakesSize ? $"{policy.Name}:" : policy.Name,
            detail: string.Join("; ", policy.Settings.Select(setting => $"{setting.Key}: {setting.Help}"))))
        .Concat(PrefillReader.All.Select(policy => new CompletionItem(
            policy.Name, detail: string.Join("; ", policy.Settings.Select(setting => $"{setting.Key}: {setting.Help}")))))
        .Concat(more.Select(name => new CompletionItem(name)));
}
