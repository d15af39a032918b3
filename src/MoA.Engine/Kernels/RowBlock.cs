namespace MoA.Engine.Kernels;

/// <summary>A few consecutive rows of a prompt piece, all heads of them: they stand one behind the other in memory.</summary>
/// <param name="Segment">Index of the segment.</param>
/// <param name="FirstRow">First row, counted within the segment.</param>
/// <param name="Rows">Number of rows.</param>
internal readonly record struct RowBlock(int Segment, int FirstRow, int Rows);
