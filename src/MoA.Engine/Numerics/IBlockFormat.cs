using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <summary>
/// A quantised format as a type. An element is <c>scale·quant − offset</c>; scale and offset hold for a group of 32
/// elements. Layouts and rounding follow ggml's <c>ggml-quants.c</c>, whose files these are.
/// </summary>
internal unsafe interface IBlockFormat
{
    /// <summary>Elements of a group.</summary>
    const int GroupSize = 32;

    /// <summary>Groups in a block: 1 or 8.</summary>
    static abstract int Groups { get; }

    /// <summary>Bytes of a block.</summary>
    static abstract int BlockBytes { get; }

    /// <summary>Whether offsets can differ from zero.</summary>
    static abstract bool HasOffsets { get; }

    /// <summary>Writes one block that approximates the floats at <paramref name="source"/>.</summary>
    static abstract void Quantize(float* source, byte* block);

    /// <summary>Reads one block, one element at a time: the definition of the format.</summary>
    static abstract void Dequantize(byte* block, float* destination);

    /// <summary>The groups' scales, and their offsets if there are any.</summary>
    static abstract void ReadFactors(byte* block, float* scales, float* offsets);

    /// <summary>The quants of one group, elements 0 to 15 and 16 to 31, each at most 4096 in magnitude.</summary>
    static abstract void LoadQuants(byte* block, int group, out Vector256<short> lower, out Vector256<short> upper);
}
