using MoA.Engine.Numerics;

namespace MoA.Engine.Files;

/// <summary>
/// MXFP4 weights as gpt-oss publishes them: <c>NAME_blocks</c> [experts, outputs, inputs/32, 16], bytes that hold two neighbours each,
/// the even one in the lower half, and <c>NAME_scales</c> [experts, outputs, inputs/32], the exponents. Together they are one tensor
/// NAME [experts, outputs, inputs], used where it is mapped.
/// </summary>
internal static class Mxfp4Pair
{
    /// <summary>What the name of the bytes ends with.</summary>
    public const string Blocks = "_blocks";

    /// <summary>What the name of the exponents ends with.</summary>
    public const string Exponents = "_scales";

    private const int BlockBytes = BlockMXFP4.Size / 2;

    /// <summary>The two as one tensor.</summary>
    /// <exception cref="InvalidInputException">One is missing, holds no bytes, or has another shape than the other calls for.</exception>
    public static StoredTensor Join(string name, ITensorFile blocksFile, ITensorFile exponentsFile)
    {
        (long[] shape, nint blocks) = blocksFile.FindBytes(name + Blocks);
        (long[] ofExponents, nint exponents) = exponentsFile.FindBytes(name + Exponents);
        if (shape is not [.. long[] outer, long groups, BlockBytes])
            throw InputFile.Error(blocksFile.Path, $"tensor {name}{Blocks} has shape {Text(shape)}; expected [experts, outputs, inputs/32, {BlockBytes}]");
        if (!ofExponents.AsSpan().SequenceEqual(shape.AsSpan(0, shape.Length - 1)))
            throw InputFile.Error(exponentsFile.Path, $"tensor {name}{Exponents} has shape {Text(ofExponents)}; expected {Text(shape[..^1])}, by {name}{Blocks}");
        return new StoredTensor(blocksFile.Path, ElementType.MXFP4, [.. outer, groups * BlockMXFP4.Size], blocks, exponents);
    }

    private static string Text(long[] shape) => $"[{InputFile.Cut(string.Join(", ", shape))}]";
}
