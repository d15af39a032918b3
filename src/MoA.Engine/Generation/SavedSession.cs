namespace MoA.Engine.Generation;

/// <summary>What a file of caches says before its rows are read.</summary>
/// <param name="Tokens">The tokens whose rows it holds.</param>
/// <param name="Capacity">The capacity of the caches that were saved.</param>
/// <param name="Bytes">Bytes that the rows take in memory.</param>
internal sealed record SavedSession(IReadOnlyList<int> Tokens, int Capacity, long Bytes);
