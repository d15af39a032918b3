using MoA.Gpu.Kernels;

namespace MoA.Gpu.Weights;

/// <summary>
/// Scale and minimum of a group of Q4_K and Q5_K, out of a block's first quad: two binary16 factors, then 6-bit steps
/// (the engine's <c>KScales</c>).
/// </summary>
internal struct AffineFactors
{
    public float Scale, Minimum;

    public static AffineFactors Of(Quad header, int group)
    {
        // Words Y, Z, W are bytes 0-3, 4-7, 8-11 of the steps; groups from 4 on have their bits in two places.
        int shift = 8 * (group % 4);
        uint scales = header.Y >> shift, minima = header.Z >> shift, lower = header.W >> shift;
        uint scale = group < 4 ? scales & 63 : (lower & 15) | ((scales >> 2) & 0x30);
        uint minimum = group < 4 ? minima & 63 : ((lower >> 4) & 15) | ((minima >> 2) & 0x30);
        return new AffineFactors
        {
            Scale = Bits.OfHalf(header.X) * Bits.OfByte(scale, 0),
            Minimum = Bits.OfHalf(header.X >> 16) * Bits.OfByte(minimum, 0),
        };
    }
}

/// <summary>Q4_K: nine quads a block, factors first. A part is one quad of quants: 16 elements each of two groups.</summary>
internal readonly struct DeviceQ4K : IDeviceFormat
{
    public static int PartsPerBlock => 8;

    public static int NumbersPerPart => 32;

    public static int Span => 64;

    public static void Read<TSink>(DeviceWeight weight, int row, int part, ref TSink sink)
        where TSink : struct, IOctetSink
    {
        int block = part / 8, quads = part % 8, pair = quads / 2;
        long first = 9 * ((long)row * weight.BlocksPerRow + block);
        Quad header = weight.Quads[first], quad = weight.Quads[first + 1 + quads];
        AffineFactors lower = AffineFactors.Of(header, 2 * pair), upper = AffineFactors.Of(header, 2 * pair + 1);
        const uint Nibbles = 0x0F0F0F0F;
        int at = 32 * block + 8 * pair + 2 * (quads % 2);
        sink.Take(Octet.OfBytes(quad.X & Nibbles, quad.Y & Nibbles, 0).Affine(lower.Scale, -lower.Minimum), at);
        sink.Take(Octet.OfBytes(quad.Z & Nibbles, quad.W & Nibbles, 0).Affine(lower.Scale, -lower.Minimum), at + 1);
        sink.Take(Octet.OfBytes(quad.X >> 4 & Nibbles, quad.Y >> 4 & Nibbles, 0).Affine(upper.Scale, -upper.Minimum), at + 4);
        sink.Take(Octet.OfBytes(quad.Z >> 4 & Nibbles, quad.W >> 4 & Nibbles, 0).Affine(upper.Scale, -upper.Minimum), at + 5);
    }
}

/// <summary>Q5_K: eleven quads a block: factors, two of fifth bits, eight of quants as in Q4_K.</summary>
internal readonly struct DeviceQ5K : IDeviceFormat
{
    public static int PartsPerBlock => 8;

    public static int NumbersPerPart => 32;

    public static int Span => 64;

    public static void Read<TSink>(DeviceWeight weight, int row, int part, ref TSink sink)
        where TSink : struct, IOctetSink
    {
        int block = part / 8, quads = part % 8, pair = quads / 2, half = quads % 2;
        long first = 11 * ((long)row * weight.BlocksPerRow + block);
        Quad header = weight.Quads[first], fifth = weight.Quads[first + 1 + half], quad = weight.Quads[first + 3 + quads];
        AffineFactors lower = AffineFactors.Of(header, 2 * pair), upper = AffineFactors.Of(header, 2 * pair + 1);
        int bit = 2 * pair, at = 32 * block + 8 * pair + 2 * half;
        sink.Take(Numbers(quad.X, quad.Y, fifth.X >> bit, fifth.Y >> bit, lower), at);
        sink.Take(Numbers(quad.Z, quad.W, fifth.Z >> bit, fifth.W >> bit, lower), at + 1);
        bit++;
        sink.Take(Numbers(quad.X >> 4, quad.Y >> 4, fifth.X >> bit, fifth.Y >> bit, upper), at + 4);
        sink.Take(Numbers(quad.Z >> 4, quad.W >> 4, fifth.Z >> bit, fifth.W >> bit, upper), at + 5);
    }

    private static Octet Numbers(uint first, uint second, uint firstBits, uint secondBits, AffineFactors factors) => Octet.OfBytes(
        (first & 0x0F0F0F0F) | ((firstBits & 0x01010101) << 4), (second & 0x0F0F0F0F) | ((secondBits & 0x01010101) << 4), 0)
        .Affine(factors.Scale, -factors.Minimum);
}

/// <summary>
/// Q6_K: thirteen quads a block: eight of lower halves, four of upper bits, one of scales. A part is a quad of lower halves:
/// 16 elements each of two groups that share a half of the block.
/// </summary>
internal readonly struct DeviceQ6K : IDeviceFormat
{
    public static int PartsPerBlock => 8;

    public static int NumbersPerPart => 32;

    public static int Span => 128;

    public static void Read<TSink>(DeviceWeight weight, int row, int part, ref TSink sink)
        where TSink : struct, IOctetSink
    {
        int block = part / 8, quads = part % 8, half = quads / 4, member = quads % 4 / 2, side = quads % 2;
        long index = (long)row * weight.BlocksPerRow + block, first = 13 * index;
        Quad quad = weight.Quads[first + quads], bits = weight.Quads[first + 8 + 2 * half + side], steps = weight.Quads[first + 12];
        float factor = Bits.OfHalf(weight.Factors[index]);
        // The scale of 16 elements: byte 8·half + 2·member + side, and four bytes on for the upper group.
        int shift = 16 * member + 8 * side;
        float lower = factor * Bits.OfByte(((half == 0 ? steps.X : steps.Z) >> shift) ^ 0x80, 128);
        float upper = factor * Bits.OfByte(((half == 0 ? steps.Y : steps.W) >> shift) ^ 0x80, 128);
        int bit = 2 * member, at = 32 * block + 16 * half + 4 * member + 2 * side;
        sink.Take(Numbers(quad.X, quad.Y, bits.X >> bit, bits.Y >> bit).Times(lower), at);
        sink.Take(Numbers(quad.Z, quad.W, bits.Z >> bit, bits.W >> bit).Times(lower), at + 1);
        bit += 4;
        sink.Take(Numbers(quad.X >> 4, quad.Y >> 4, bits.X >> bit, bits.Y >> bit).Times(upper), at + 8);
        sink.Take(Numbers(quad.Z >> 4, quad.W >> 4, bits.Z >> bit, bits.W >> bit).Times(upper), at + 9);
    }

    private static Octet Numbers(uint first, uint second, uint firstBits, uint secondBits) => Octet.OfBytes(
        (first & 0x0F0F0F0F) | ((firstBits & 0x03030303) << 4), (second & 0x0F0F0F0F) | ((secondBits & 0x03030303) << 4), 32);
}
