using MoA.Engine.Numerics;

namespace MoA.Engine.Files;

/// <summary>One tensor of a <see cref="GgufFile"/>: a view of the mapped file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Format of the elements.</param>
/// <param name="Shape">Sizes from the slowest dimension to the fastest (the file writes them the other way round).</param>
/// <param name="Offset">Where its bytes start, counted from the start of the tensors' bytes.</param>
/// <param name="Bytes">How many there are.</param>
internal sealed record GgufTensor(string Name, ElementType Type, long[] Shape, long Offset, long Bytes);
