namespace MoA.Engine.Kernels;

/// <summary>Some of the rows that one item of decode attention reads: what one worker does at a time.</summary>
/// <param name="Item">Index of the item.</param>
/// <param name="FirstRow">First of its <see cref="HeldRows"/>.</param>
/// <param name="Rows">Number of rows.</param>
/// <param name="FirstPiece">Index of the item's first piece; its pieces stand one behind the other.</param>
/// <param name="Pieces">Number of pieces of the item.</param>
internal readonly record struct DecodePiece(int Item, int FirstRow, int Rows, int FirstPiece, int Pieces);
