namespace MoA.Engine.Kernels.Sparse;

/// <summary>One independent piece of sparse attention: the rows of a query head within one block of 64 positions.</summary>
/// <param name="Piece">Index of the piece.</param>
/// <param name="Head">Query head.</param>
/// <param name="Block">Which block of the piece.</param>
internal readonly record struct SparseItem(int Piece, int Head, int Block);
