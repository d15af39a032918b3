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

    /// <summary>Some bits of every byte, moved to bit 4 and above.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="shift">The first of the bits.</param>
    /// <param name="mask">1 for one bit, 3 for two.</param>
    static abstract TVector BitsAboveNibbles(TVector bytes, int shift, byte mask);

    /// <summary>All bits moved down, within 16 of them: what comes from the byte above is to be masked.</summary>
    static abstract TVector ShiftRight(TVector bytes, int count);

    /// <summary>Adds 32-bit integers.</summary>
    static abstract TVector AddIntegers(TVector a, TVector b);

    /// <summary>Six bits of every lane, the two uppermost of each, as floats; those of <paramref name="a"/> are the lowest.</summary>
    static abstract TVector UpperPairs(TVector a, TVector b, TVector c);

    /// <summary>Bits of either.</summary>
    static abstract TVector Or(TVector a, TVector b);

    /// <summary>Six bits of every lane from <paramref name="shift"/> on, as floats.</summary>
    static abstract TVector SixBits(TVector lanes, int shift);

    /// <summary>Twice as many signed bytes as there are lanes, widened to 16 bits.</summary>
    static abstract TVector LoadWidened(byte* source);

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
