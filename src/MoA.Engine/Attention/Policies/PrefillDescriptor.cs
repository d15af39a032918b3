using MoA.Engine.Attention.Prefill;
using MoA.Engine.Configuration;

namespace MoA.Engine.Attention.Policies;

/// <summary>What there is to say about a prefill policy: everything that names them or their settings is made from it.</summary>
/// <param name="Name">The name on the command line and in reports.</param>
/// <param name="Create">Makes the policy from its settings, for a model.</param>
/// <param name="Settings">The settings that it takes.</param>
internal sealed record PrefillDescriptor(
    string Name, Func<PolicySettings, ModelConfig, PrefillPolicy> Create, params IReadOnlyList<PolicySetting> Settings);
