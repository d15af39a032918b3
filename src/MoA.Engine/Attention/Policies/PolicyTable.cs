using System.Text.Json;
using MoA.Engine.Configuration;

namespace MoA.Engine.Attention.Policies;

/// <summary>All policies. What reads their names, explains, completes, documents or draws them follows this table.</summary>
internal static class PolicyTable
{
    private static readonly PolicySetting Recent = PolicySetting.Number("recent", 0, 1, "share of the rows for the most recent tokens (0.5)");
    private static readonly PolicySetting Window = PolicySetting.Whole("window", 1, ElasticRule.BlockSize, $"tokens that vote ({SnapKvPolicy.DefaultWindow})");
    private static readonly PolicySetting Kernel = PolicySetting.Whole("kernel", 1, 1023, $"odd width of the pooling ({SnapKvPolicy.DefaultPooling.Width})");
    private static readonly PolicySetting Pooling = PolicySetting.Word("pooling", "how votes are pooled (avg)", "avg", "max");
    private static readonly PolicySetting Beta = PolicySetting.Whole("beta", 1, 1_000_000, $"how steep the pyramid is ({PyramidKvPolicy.DefaultBeta})");
    private static readonly PolicySetting Local = PolicySetting.Number("local", 0, 1, "the window's share of the rows besides the sink (0.5)");
    private static readonly PolicySetting Representatives = PolicySetting.Whole(
        "representatives", 1, ElasticRule.BlockSize, $"tokens that represent a block ({InfLlmPolicy.DefaultRepresentatives})");

    /// <summary>All of them, in the order of the documentation.</summary>
    public static IReadOnlyList<PolicyDescriptor> All { get; } =
    [
        new(DensePolicy.CommandName, "dense", (_, _, _) => new DensePolicy()),
        new(PlanPolicy.CommandName, "plan", (_, plan, config) => new PlanPolicy(PolicyReader.ReadPlan(plan, config))) { TakesPlan = true },
        new(
            StreamingLlmPolicy.CommandName, "uniform", (settings, _, _) => new StreamingLlmPolicy(settings.Budget()),
            PolicySetting.Density, PolicySetting.Span),
        new(
            H2oPolicy.CommandName, "#8f63d8", (settings, _, _) => new H2oPolicy(settings.Budget(), settings.Number(Recent, 0.5)),
            PolicySetting.Density, PolicySetting.Span, Recent)
        { NeedsUnboundedLayer = true },
        new(
            SnapKvPolicy.CommandName, "#2f9e66",
            (settings, _, _) => new SnapKvPolicy(settings.Budget(), settings.Whole(Window, SnapKvPolicy.DefaultWindow), ReadPooling(settings)),
            PolicySetting.Density, PolicySetting.Span, Window, Kernel, Pooling)
        { NeedsUnboundedLayer = true },
        new(
            PyramidKvPolicy.CommandName, "#d1497a",
            (settings, _, _) => new PyramidKvPolicy(
                settings.Budget(), settings.Whole(Window, SnapKvPolicy.DefaultWindow), ReadPooling(settings), settings.Whole(Beta, PyramidKvPolicy.DefaultBeta)),
            PolicySetting.Density, PolicySetting.Span, Window, Kernel, Pooling, Beta)
        { NeedsUnboundedLayer = true },
        new(
            InfLlmPolicy.CommandName, "#a8841c",
            (settings, _, _) => new InfLlmPolicy(
                settings.Budget(), settings.Number(Local, 0.5), settings.Whole(Representatives, InfLlmPolicy.DefaultRepresentatives)),
            PolicySetting.Density, PolicySetting.Span, Local, Representatives)
        { NeedsUnboundedLayer = true },
        new(
            TwoClassPolicy.DuoName, "#2396aa", (settings, _, config) => TwoClassReader.Read(settings, TwoClassReader.DuoStreaming, config),
            TwoClassReader.Settings),
        new(
            TwoClassPolicy.RazorName, "#a0583a", (settings, _, config) => TwoClassReader.Read(settings, TwoClassReader.RazorStreaming, config),
            TwoClassReader.Settings),
    ];

    /// <summary>The policy of a name, or null.</summary>
    public static PolicyDescriptor? Find(string name) => All.FirstOrDefault(policy => policy.Name == name);

    /// <summary>Names in a row, such as <c>a, b or c</c>.</summary>
    /// <param name="policies">The policies to name.</param>
    /// <param name="last">What stands before the last: " or ", or ", ".</param>
    public static string Names(IEnumerable<PolicyDescriptor> policies, string last = ", ")
    {
        string[] names = [.. policies.Select(policy => policy.Name)];
        return names.Length < 2 ? string.Concat(names) : string.Join(", ", names[..^1]) + last + names[^1];
    }

    /// <summary>The colours of all policies in JSON, by name.</summary>
    internal static string ColorsToJson() =>
        $"{{{string.Join(',', All.Select(policy => $"\"{JsonEncodedText.Encode(policy.Name)}\":\"{JsonEncodedText.Encode(policy.Color)}\""))}}}";

    private static ScorePooling ReadPooling(PolicySettings settings)
    {
        int width = settings.Whole(Kernel, SnapKvPolicy.DefaultPooling.Width);
        if (width % 2 == 0)
            throw settings.Error("expected an odd number as kernel");
        return new ScorePooling(settings.Word(Pooling) == "avg" ? PoolingKind.Average : PoolingKind.Maximum, width);
    }
}
