using MoA.Engine.Configuration;

namespace MoA.Engine.Attention.Policies;

/// <summary>What there is to say about a policy: everything that names policies or their settings is made from it.</summary>
internal sealed class PolicyDescriptor
{
    /// <summary>Describes a policy.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="color">Its colour.</param>
    /// <param name="create">Makes the policy from its settings, for a model, with a plan's file where it takes one.</param>
    /// <param name="settings">The settings that it takes.</param>
    internal PolicyDescriptor(
        string name, string color, Func<PolicySettings, string?, ModelConfig, AttentionPolicy> create, params IReadOnlyList<PolicySetting> settings)
    {
        Name = name;
        Color = color;
        Create = create;
        Settings = settings;
    }

    /// <summary>The name on the command line and in reports.</summary>
    public string Name { get; }

    /// <summary>Its colour in reports: a role of the style sheet, or a colour in hexadecimal.</summary>
    public string Color { get; }

    /// <summary>The settings that it takes.</summary>
    public IReadOnlyList<PolicySetting> Settings { get; }

    /// <summary>Whether it runs a plan.</summary>
    public bool TakesPlan { get; init; }

    /// <summary>Whether it chooses rows by the attention they get, and so needs a layer that looks back without limit.</summary>
    public bool NeedsUnboundedLayer { get; init; }

    /// <summary>Whether it reads a prompt a second time before it chooses rows, which costs what the first reading does.</summary>
    public bool ReadsTwice { get; init; }

    /// <summary>Whether it takes a size.</summary>
    public bool TakesSize => Settings.Any(setting => setting.IsSize);

    /// <summary>Whether it needs a file of head scores.</summary>
    public bool NeedsHeadScores => Settings.Any(setting => setting.IsPath);

    internal Func<PolicySettings, string?, ModelConfig, AttentionPolicy> Create { get; }
}
