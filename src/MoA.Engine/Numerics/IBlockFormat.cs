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

    /// <summary>Whether there are offsets beside <see cref="Shift"/>.</summary>
    static abstract bool HasOffsets { get; }

    /// <summary>Unpacks the groups' scales, and the offsets if there are any; room for 16 each.</summary>
    static abstract void ReadFactors(byte* block, float* scales, float* offsets);

    /// <summary>The first element of the two runs of 32 that <see cref="Unpack"/> gives for a chunk.</summary>
    static abstract (int First, int Second) Runs(int chunk);

    /// <summary>
    /// The quants of two runs of 32 elements that share bytes, each as its even and its odd elements: 16-bit lanes hold
    /// two bytes, and masks and shifts take them apart without moving anything across lanes.
    /// </summary>
    /// <param name="block">The block.</param>
    /// <param name="chunk">0 to 3; should be a constant, so that shifts by it are.</param>
    /// <param name="even0">Elements 0, 2 … 30 of the first run.</param>
    /// <param name="odd0">Elements 1, 3 … 31 of the first run.</param>
    /// <param name="even1">Elements 0, 2 … 30 of the second run.</param>
    /// <param name="odd1">Elements 1, 3 … 31 of the second run.</param>
    static abstract void Unpack(
        byte* block, int chunk, out Vector256<short> even0, out Vector256<short> odd0, out Vector256<short> even1,
        out Vector256<short> odd1);
}
