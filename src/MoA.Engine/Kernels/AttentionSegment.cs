using MoA.Engine.KvCache;

namespace MoA.Engine.Kernels;

/// <summary>The rows of one sequence within a batch.</summary>
/// <param name="Cache">The sequence's caches; <c>Cache.Length</c> tokens precede the first row.</param>
/// <param name="FirstRow">Index of the first row in the batch's tensors.</param>
/// <param name="Rows">Number of rows; those of a decode step besides the first are drafts.</param>
/// <param name="Mode">How they attend.</param>
/// <param name="Version">Of the caches when the rows were added.</param>
/// <param name="ToCome">Tokens of the prompt that follow these rows.</param>
internal readonly record struct AttentionSegment(SequenceCache Cache, int FirstRow, int Rows, AttentionMode Mode, int Version, int ToCome = 0);
