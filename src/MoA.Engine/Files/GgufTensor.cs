using MoA.Engine.Numerics;

namespace MoA.Engine.Files;

/// <summary>One tensor of a <see cref="GgufFile"/>: a view of the mapped file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="TypeCode">The number of the elements' format, which need not be one that is read.</param>
/// <param name="Shape">Sizes from the slowest dimension to the fastest (the file writes them the other way round).</param>
/// <param name="Offset">Where its bytes start, counted from the start of the tensors' bytes.</param>
/// <param name="Bytes">How many there are; 0 where the format is not read.</param>
internal sealed record GgufTensor(string Name, uint TypeCode, long[] Shape, long Offset, long Bytes)
{
    /// <summary>Format of the elements; null if it is not read.</summary>
    public ElementType? Type => GgufTensorTypes.Type(TypeCode);
}
