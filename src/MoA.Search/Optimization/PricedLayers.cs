namespace MoA.Search.Optimization;

/// <summary>The layers of a programme at fixed prices.</summary>
/// <param name="Sets">Finds sets of rules in a layer.</param>
/// <param name="Costs">[layers][heads, <see cref="RuleSetSearch.Stride"/>]: priced cost of every rule.</param>
/// <param name="Least">[layers]: no choice of the layer is priced lower.</param>
internal sealed record PricedLayers(RuleSetSearch Sets, double[][] Costs, double[] Least);
