namespace MoA.Engine.Kernels;

/// <summary>One independent piece of a batch's attention: some rows of a segment and one KV head.</summary>
/// <param name="Segment">Index of the segment.</param>
/// <param name="KeyValueHead">KV head; all query heads of its group are computed together.</param>
/// <param name="FirstRow">First row, counted within the segment.</param>
/// <param name="Rows">Number of rows.</param>
internal readonly record struct AttentionItem(int Segment, int KeyValueHead, int FirstRow, int Rows);
