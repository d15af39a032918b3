using MoA.Engine.Numerics;

namespace MoA.Engine.Files;

/// <summary>A tensor as a checkpoint stores it, whatever kind of file that is.</summary>
/// <param name="Path">The file that holds it.</param>
/// <param name="Type">Format of the elements.</param>
/// <param name="Shape">Sizes from the slowest dimension to the fastest.</param>
/// <param name="Data">The first byte, in memory that the checkpoint owns.</param>
internal readonly record struct StoredTensor(string Path, ElementType Type, long[] Shape, nint Data);
