namespace MoA.Search.Profiling;

/// <summary>What one item says about a model: its loss, and how much each block of attention matters to it.</summary>
/// <param name="Loss">Mean negative log-likelihood of the answers' tokens, in nats.</param>
/// <param name="Blocks">T = ⌈n/64⌉ for an item of n tokens.</param>
/// <param name="Layers">One array for each layer, [queryHeads, T, T] row-major: the sum of |E| over the 64×64 positions
/// of a block of queries (slower index) and a block of keys.</param>
internal sealed record ItemInfluence(double Loss, int Blocks, float[][] Layers);
