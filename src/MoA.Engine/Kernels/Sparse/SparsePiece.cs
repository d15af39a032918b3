namespace MoA.Engine.Kernels.Sparse;

/// <summary>Rows of a prompt for which keys are chosen together.</summary>
/// <param name="Segment">Index of the segment.</param>
/// <param name="FirstRow">First row, counted within the segment.</param>
/// <param name="Rows">Number of rows.</param>
internal readonly record struct SparsePiece(int Segment, int FirstRow, int Rows);
