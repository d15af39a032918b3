using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <summary>
/// A quantised format as a type. Layouts and rounding follow ggml's <c>ggml-quants.c</c>, whose files these are.
/// </summary>
internal unsafe interface IBlockFormat
{
    /// <summary>Bytes of a block.</summary>
    static abstract int BlockBytes { get; }

    /// <summary>Elements of a block.</summary>
    static abstract int BlockSize { get; }

    /// <summary>Elements that share a scale: 32 or 16.</summary>
    static abstract int GroupSize { get; }

    /// <summary>What is subtracted from every quant.</summary>
    static abstract int Shift { get; }

    /// <summary>Writes one block that approximates the floats at <paramref name="source"/>.</summary>
    static abstract void Quantize(float* source, byte* block);

    /// <summary>Reads one block, one element at a time: the definition of the format.</summary>
    static abstract void Dequantize(byte* block, float* destination);
}

/// <summary>A format of 32 elements with one scale: an element is scale·(quant − Shift).</summary>
internal unsafe interface ISmallBlockFormat : IBlockFormat
{
    /// <summary>Elements 0 to 15 and 16 to 31.</summary>
    static abstract void LoadQuants(byte* block, out Vector256<short> lower, out Vector256<short> upper);
}

/// <summary>
/// A format of 256 elements whose groups have scales and perhaps offsets: an element is scale·(quant − Shift) − offset.
/// </summary>
internal unsafe interface ISuperBlockFormat : IBlockFormat
{
    /// <summary>Whether there are offsets beside <see cref="IBlockFormat.Shift"/>.</summary>
    static abstract bool HasOffsets { get; }

    /// <summary>Unpacks the groups' scales, and the offsets if there are any; room for 16 each.</summary>
    static abstract void ReadFactors(byte* block, float* scales, float* offsets);

    /// <summary>
    /// Elements 0 to 15 and 16 to 31 of the 32 at 128·<paramref name="half"/> + 32·<paramref name="member"/>. The member
    /// should be a constant, so that shifts by it are.
    /// </summary>
    static abstract void LoadQuants(byte* block, int half, int member, out Vector256<short> lower, out Vector256<short> upper);
}
