using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <summary>
/// A number format as a type; plain numbers are blocks of one. Layouts and rounding of quantised formats follow ggml's
/// <c>ggml-quants.c</c>, whose files these are.
/// </summary>
internal unsafe interface IBlockFormat
{
    /// <summary>Bytes of a block.</summary>
    static abstract int BlockBytes { get; }

    /// <summary>Elements of a block.</summary>
    static abstract int BlockSize { get; }

    /// <summary>Writes one block that approximates the floats at <paramref name="source"/>.</summary>
    static abstract void Quantize(float* source, byte* block);

    /// <summary>Reads one block, one element at a time: the definition of the format.</summary>
    static abstract void Dequantize(byte* block, float* destination);
}

/// <summary>
/// A format of 256 elements whose groups have scales and perhaps offsets: an element is scale·(quant − Shift) − offset.
/// </summary>
internal unsafe interface ISuperBlockFormat : IBlockFormat
{
    /// <summary>Elements that share a scale: 32 or 16.</summary>
    static abstract int GroupSize { get; }

    /// <summary>What is subtracted from every quant.</summary>
    static abstract int Shift { get; }

    /// <summary>
    /// Unpacks a block's factors: the scales of eight groups of 32 and their offsets, or the scales of sixteen groups of 16.
    /// </summary>
    static abstract void ReadFactors(byte* block, out Vector256<float> scales, out Vector256<float> offsetsOrMore);

    /// <summary>The first element of the two runs of 32 that <see cref="Unpack"/> gives for a chunk.</summary>
    static abstract (int First, int Second) Runs(int chunk);

    /// <summary>The quants of two runs of 32 elements that share bytes, not shifted back yet.</summary>
    /// <param name="block">The block.</param>
    /// <param name="chunk">0 to 3; should be a constant, so that shifts by it are.</param>
    /// <param name="first">The first run.</param>
    /// <param name="second">The second run.</param>
    static abstract void Unpack(byte* block, int chunk, out Vector256<byte> first, out Vector256<byte> second);
}
