namespace MoA.Engine.Tokenization.Bpe;

/// <summary>What a pair of tokens merges to.</summary>
/// <param name="Rank">The lowest rank is merged first.</param>
/// <param name="Id">The merged token.</param>
internal readonly record struct BpeMerge(int Rank, int Id);
