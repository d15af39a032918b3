using MoA.Engine.Configuration;

namespace MoA.Engine.Attention.Policies;

/// <summary>
/// Reads a policy as it is written on the command line: <c>NAME[:key=value,…]</c>, with a prefill policy behind it, <c>NAME[:…]+PREFILL[:…]</c>, or a
/// prefill policy alone.
/// </summary>
internal static class PolicyReader
{
    /// <summary>The name that stands for every policy: see <see cref="Expand"/>.</summary>
    public const string All = "all";

    private static readonly PolicySetting[] SettingsOfAll = [PolicySetting.Density, TwoClassReader.Scores, TwoClassReader.Profile];

    /// <summary>
    /// What a text stands for when several policies may be given: <c>all</c> is every policy that can run on the model and takes
    /// a size, with the settings that are given to it. Those that choose rows by attention are left out for a model all of whose
    /// layers have sliding windows, those of two classes of heads without <c>scores</c> or <c>profile</c>.
    /// </summary>
    /// <param name="text">A policy, or <c>all[:key=value,…]</c> with the keys <c>density</c>, <c>scores</c> and <c>profile</c>.</param>
    /// <param name="config">The model that the policies are for.</param>
    /// <returns>Policies to be read one by one; the text alone if it is one.</returns>
    /// <exception cref="InvalidInputException">A setting is not one of all policies.</exception>
    public static IReadOnlyList<string> Expand(string text, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(config);
        (string? cache, string? prefill) = Split(text);
        RequireParts(text, cache);
        if (cache != All && cache?.StartsWith($"{All}:", StringComparison.Ordinal) != true)
            return [text];
        PolicySettings given = new(cache);
        (PolicySetting Setting, string? Value)[] values =
        [
            .. SettingsOfAll.Select(setting => (setting, setting.IsPath ? given.Path(setting) : given.Value(setting))).Where(entry => entry.Item2 is not null),
        ];
        given.RequireNoMore(SettingsOfAll);
        return
        [
            .. from policy in PolicyTable.All
               where policy.TakesSize && (!policy.NeedsUnboundedLayer || config.UnboundedLayers.Count > 0)
               where !policy.NeedsHeadScores || values.Any(entry => entry.Setting.IsPath)
               let list = string.Join(',', values.Where(entry => policy.Settings.Contains(entry.Setting)).Select(entry => $"{entry.Setting.Key}={entry.Value}"))
               select (list.Length > 0 ? $"{policy.Name}:{list}" : policy.Name) + (prefill is null ? "" : $"+{prefill}"),
        ];
    }

    /// <summary>Takes a text apart at the plus sign before the name of a prefill policy.</summary>
    /// <returns>What says which rows stay, null where nothing does, and what says which queries see which keys, or null.</returns>
    public static (string? Cache, string? Prefill) Split(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        // Paths may hold plus signs too.
        for (int plus = text.LastIndexOf('+'); plus >= 0; plus = plus == 0 ? -1 : text.LastIndexOf('+', plus - 1))
        {
            if (IsPrefill(text[(plus + 1)..]))
                return (text[..plus], text[(plus + 1)..]);
        }

        return IsPrefill(text) ? (null, text) : (text, null);
    }

    /// <summary>A text without what it says of prefill; dense where nothing is left.</summary>
    private static string CacheOf(string text) => Split(text).Cache ?? DensePolicy.CommandName;

    /// <summary>Whether a text names a size, or is of a policy that takes none.</summary>
    /// <exception cref="InvalidInputException">The text is no policy's.</exception>
    public static bool HasSize(string text)
    {
        PolicySettings settings = new(CacheOf(text));
        PolicyDescriptor policy = Find(settings);
        return !policy.TakesSize || settings.HasAny(policy.Settings.Where(setting => setting.IsSize));
    }

    /// <summary>Whether the policy of a text runs a plan.</summary>
    public static bool TakesPlan(string text) => PolicyTable.Find(new PolicySettings(CacheOf(text)).Name)?.TakesPlan == true;

    /// <summary>Whether the policy of a text reads prompts a second time before it chooses rows.</summary>
    /// <param name="text">The policy, and in results the file of its plan behind it.</param>
    public static bool ReadsTwice(string text)
    {
        PolicySettings settings = new(CacheOf(text.Split(' ')[0]));
        return Reads(settings.Name) || (settings.Value(ScorerReader.Scorer) is string scorer && Reads(scorer));

        static bool Reads(string name) => PolicyTable.Find(name)?.ReadsTwice == true;
    }

    /// <summary>The policy that a text and a plan file stand for.</summary>
    /// <param name="text">A name and its settings, docs/policies.md; null follows from the plan.</param>
    /// <param name="planFile">A plan, for moa; null for none.</param>
    /// <param name="config">The model that the policy is for.</param>
    /// <param name="profileScores">Reads head scores from the profile that a setting names, for the rule that heads have which need less than
    /// everything; null refuses that setting.</param>
    /// <exception cref="InvalidInputException">The text or the plan cannot be used.</exception>
    public static AttentionPolicy Read(
        string? text, string? planFile, ModelConfig config, Func<string, ElasticRule, ModelConfig, double[][]>? profileScores = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        string? prefill = null;
        if (text is string given)
        {
            (text, prefill) = Split(given);
            RequireParts(given, text);
        }

        text ??= planFile is null ? DensePolicy.CommandName : PlanPolicy.CommandName;
        PolicySettings settings = new(text) { ProfileScores = profileScores };
        PolicyDescriptor descriptor = Find(settings);
        if (planFile is not null && !descriptor.TakesPlan)
            throw new InvalidInputException($"--policy {text} takes no plan; drop --plan {planFile} or use --policy {PlanPolicy.CommandName}");
        AttentionPolicy policy = descriptor.Create(settings, planFile, config);
        settings.RequireNoMore(descriptor.Settings);
        _ = policy.Resolve(config, 1); // refuses a model that the policy cannot run on, before anything runs
        if (prefill is not null && policy is EvictionPolicy { Chunk: not null })
        {
            throw new InvalidInputException(
                $"--policy {text}+{prefill}: {policy.Name} with this scorer evicts rows while a prompt is read, whose keys {prefill} chooses among; drop one of them, or take a scorer that chooses at the prompt's end");
        }

        return prefill is null ? policy : policy.With(PrefillReader.Read(prefill, config));
    }

    // A plus sign joins what says which rows stay with what says which keys prompts see, in this order. Those of paths stand before no name.
    private static void RequireParts(string text, string? cache)
    {
        if (cache is not null && text.Contains('+', StringComparison.Ordinal)
            && (!IsCache(cache) || cache.Split('+').Skip(1).Any(part => IsCache(part) || IsPrefill(part))))
        {
            throw new InvalidInputException(
                $"--policy {text}: expected a cache policy before the plus sign ({PolicyTable.Names(PolicyTable.All, " or ")}) and a prefill method behind it "
                + $"({string.Join(", ", PrefillReader.All.Select(policy => policy.Name))})");
        }
    }

    private static bool IsCache(string part) => part.Split(':')[0] is string name && (name == All || PolicyTable.Find(name) is not null);

    private static bool IsPrefill(string part) => PrefillReader.Find(part.Split(':')[0]) is not null;

    private static PolicyDescriptor Find(PolicySettings settings) => settings.Name == All
        ? throw settings.Error($"one policy runs here; '{All}' is for moa eval and moa bench")
        : PolicyTable.Find(settings.Name)
            ?? throw settings.Error($"there is no policy '{settings.Name}'; expected {PolicyTable.Names(PolicyTable.All, " or ")}, or behind a plus sign "
                + $"{string.Join(", ", PrefillReader.All.Select(policy => policy.Name))}");
}
