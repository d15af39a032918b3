using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <summary>
/// What kernels on quantised weights do with vectors whose lanes hold 32 bits of integers: four bytes, two 16-bit integers or
/// one. Not for a width of 1.
/// </summary>
internal unsafe interface IIntegerSimd<TVector>
    where TVector : struct
{
    /// <summary>The lower four bits of every byte.</summary>
    static abstract TVector LowerNibbles(TVector bytes);

    /// <summary>The upper four bits of every byte.</summary>
    static abstract TVector UpperNibbles(TVector bytes);

    /// <summary>Some bits of every byte, moved elsewhere in it.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="shift">The first of the bits.</param>
    /// <param name="mask">1 for one bit, 3 for two.</param>
    /// <param name="to">Where it goes.</param>
    static abstract TVector Bits(TVector bytes, int shift, byte mask, int to);

    /// <summary>Four neighbouring bits of every lane, each as bit 4 of one of its bytes.</summary>
    static abstract TVector SpreadBits(TVector lanes, int first);

    /// <summary>What a table of 16 bytes has for every byte, all of which are below 16.</summary>
    static abstract TVector Lookup(TVector bytes, Vector128<sbyte> table);

    /// <summary>Powers of two, 2^(e − 127) for an unsigned byte e; infinite for 255.</summary>
    static abstract TVector LoadPowersOfTwo(byte* exponents);

    /// <summary>All bits moved down, within 16 of them: what comes from the byte above is to be masked.</summary>
    static abstract TVector ShiftRight(TVector bytes, int count);

    /// <summary>Adds 32-bit integers.</summary>
    static abstract TVector AddIntegers(TVector a, TVector b);

    /// <summary>Bits of either.</summary>
    static abstract TVector Or(TVector a, TVector b);

    /// <summary>Four bits of every lane from <paramref name="shift"/> on, as floats.</summary>
    static abstract TVector FourBits(TVector lanes, int shift);

    /// <summary>Six bits of every lane from <paramref name="shift"/> on, as floats.</summary>
    static abstract TVector SixBits(TVector lanes, int shift);

    /// <summary>Four bits of every lane of <paramref name="a"/> and, above them, two of <paramref name="b"/>, as floats.</summary>
    static abstract TVector SixBits(TVector a, int shift, TVector b, int shiftOfTwo);

    /// <summary>One of the four bytes of every lane, signed, as a float.</summary>
    static abstract TVector SignedByte(TVector lanes, int index);

    /// <summary>Widens the finite binary16 numbers in the lower halves of lanes.</summary>
    static abstract TVector LowerF16(TVector lanes);

    /// <summary>Widens the finite binary16 numbers in the upper halves of lanes.</summary>
    static abstract TVector UpperF16(TVector lanes);

    /// <summary>
    /// Multiplies unsigned bytes of eight vectors with signed ones, the same four in all lanes of a vector, and adds up what
    /// meets in a lane: 32 products.
    /// </summary>
    /// <param name="w0">Unsigned bytes; the others likewise.</param>
    /// <param name="w1">The second.</param>
    /// <param name="w2">The third.</param>
    /// <param name="w3">The fourth.</param>
    /// <param name="w4">The fifth.</param>
    /// <param name="w5">The sixth.</param>
    /// <param name="w6">The seventh.</param>
    /// <param name="w7">The eighth.</param>
    /// <param name="a">32 signed bytes, none of them -128.</param>
    /// <param name="bits">Bits that the unsigned bytes have, 4 to 6; a constant.</param>
    static abstract TVector SumProducts(
        TVector w0, TVector w1, TVector w2, TVector w3, TVector w4, TVector w5, TVector w6, TVector w7, byte* a, int bits);

    /// <summary>The same of four vectors.</summary>
    /// <param name="w0">Unsigned bytes; the others likewise.</param>
    /// <param name="w1">The second.</param>
    /// <param name="w2">The third.</param>
    /// <param name="w3">The fourth.</param>
    /// <param name="a">16 signed bytes, none of them -128.</param>
    /// <param name="bits">Bits that the unsigned bytes have, 4 to 6; a constant.</param>
    static abstract TVector SumProducts(TVector w0, TVector w1, TVector w2, TVector w3, byte* a, int bits);
}
