using MoA.Search.Validation;

namespace MoA.Benchmarks.Ablation;

/// <summary>A plan's predicted loss beside its measured one.</summary>
/// <param name="Kind">dense, head, head-2 …, layer, uniform, or random.</param>
/// <param name="Bound">Density bound.</param>
/// <param name="Density">Density at the length.</param>
/// <param name="Predicted">Sum of hidden influence, in nats; of dense attention 0.</param>
/// <param name="Measured">Loss of the answers.</param>
/// <param name="Change">Loss less that of dense attention on the same items, with its interval.</param>
internal sealed record AblationRow(
    string Kind, double Bound, double Density, double Predicted, MeanInterval Measured, MeanInterval Change);
