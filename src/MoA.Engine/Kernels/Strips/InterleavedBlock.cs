using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>Writes pieces of a row where its lane has them.</summary>
internal static unsafe class InterleavedBlock
{
    /// <summary>Four bytes at a time.</summary>
    /// <param name="from">The row's bytes.</param>
    /// <param name="count">Quads of bytes.</param>
    /// <param name="to">Where the quads of all lanes begin.</param>
    /// <param name="lane">The row's lane.</param>
    /// <param name="lanes">Lanes of a vector.</param>
    public static void Quads(byte* from, int count, byte* to, int lane, int lanes)
    {
        uint* quads = (uint*)to + lane;
        for (nint i = 0; i < count; i++)
            quads[i * lanes] = ((uint*)from)[i];
    }

    /// <summary>Two bytes at a time.</summary>
    /// <param name="from">The row's bytes.</param>
    /// <param name="count">Pairs of bytes.</param>
    /// <param name="to">Where the pairs of all lanes begin.</param>
    /// <param name="lane">The row's lane.</param>
    /// <param name="lanes">Lanes of a vector.</param>
    public static void Pairs(byte* from, int count, byte* to, int lane, int lanes)
    {
        ushort* pairs = (ushort*)to + lane;
        for (nint i = 0; i < count; i++)
            pairs[i * lanes] = ((ushort*)from)[i];
    }

    /// <summary>
    /// The eight scales and minima of <see cref="KScales"/> as three times 32 bits a lane: five scales, three and two minima, and
    /// five minima of six bits each; the eighth minimum's bits are the two uppermost of each.
    /// </summary>
    public static void KFactors(byte* packed, byte* to, int lane, int lanes)
    {
        byte* steps = stackalloc byte[16];
        KScales.Unpack(packed, steps);
        uint* words = (uint*)to + lane;
        for (nint word = 0; word < 3; word++)
        {
            uint bits = (uint)((steps[15] >> (2 * (int)word)) & 3) << 30;
            for (int i = 0; i < 5; i++)
                bits |= (uint)steps[5 * word + i] << (6 * i);
            words[word * lanes] = bits;
        }
    }

    /// <summary>Reads what <see cref="KFactors"/> wrote: eight scales, then eight minima, each for every lane.</summary>
    public static void ReadKFactors<TSimd, TVector>(byte* cell, float* factors)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector scale = TSimd.LoadF16((ushort*)cell), minimum = TSimd.LoadF16((ushort*)cell + TSimd.Width);
        float* words = (float*)(cell + 4 * TSimd.Width);
        TVector a = TSimd.Load(words), b = TSimd.Load(words + TSimd.Width), c = TSimd.Load(words + 2 * TSimd.Width);
        Store<TSimd, TVector>(factors, 0, scale, TSimd.SixBits(a, 0));
        Store<TSimd, TVector>(factors, 1, scale, TSimd.SixBits(a, 6));
        Store<TSimd, TVector>(factors, 2, scale, TSimd.SixBits(a, 12));
        Store<TSimd, TVector>(factors, 3, scale, TSimd.SixBits(a, 18));
        Store<TSimd, TVector>(factors, 4, scale, TSimd.SixBits(a, 24));
        Store<TSimd, TVector>(factors, 5, scale, TSimd.SixBits(b, 0));
        Store<TSimd, TVector>(factors, 6, scale, TSimd.SixBits(b, 6));
        Store<TSimd, TVector>(factors, 7, scale, TSimd.SixBits(b, 12));
        Store<TSimd, TVector>(factors, 8, minimum, TSimd.SixBits(b, 18));
        Store<TSimd, TVector>(factors, 9, minimum, TSimd.SixBits(b, 24));
        Store<TSimd, TVector>(factors, 10, minimum, TSimd.SixBits(c, 0));
        Store<TSimd, TVector>(factors, 11, minimum, TSimd.SixBits(c, 6));
        Store<TSimd, TVector>(factors, 12, minimum, TSimd.SixBits(c, 12));
        Store<TSimd, TVector>(factors, 13, minimum, TSimd.SixBits(c, 18));
        Store<TSimd, TVector>(factors, 14, minimum, TSimd.SixBits(c, 24));
        Store<TSimd, TVector>(factors, 15, minimum, TSimd.UpperPairs(a, b, c));
    }

    private static void Store<TSimd, TVector>(float* factors, int index, TVector factor, TVector steps)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.Store(factors + index * TSimd.Width, TSimd.Multiply(factor, steps));
}
