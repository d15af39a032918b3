using MoA.Gpu.Kernels;

namespace MoA.Gpu.Weights;

/// <summary>Q8_0: two quads of signed bytes a block; a part is one of them, 16 numbers.</summary>
internal readonly struct DeviceQ8 : IDeviceFormat
{
    public static int PartsPerBlock => 2;

    public static int NumbersPerPart => 16;

    public static int Span => 16;

    public static void Read<TSink>(DeviceWeight weight, int row, int part, ref TSink sink)
        where TSink : struct, IOctetSink
    {
        Quad quad = weight.Quads[((long)row * weight.BlocksPerRow * 2) + part];
        float scale = Bits.OfHalf(weight.Factors[(long)row * weight.BlocksPerRow + part / 2]);
        // With its sign bit inverted, a signed byte is an unsigned one that is 128 larger.
        const uint Signs = 0x80808080;
        sink.Take(Octet.OfBytes(quad.X ^ Signs, quad.Y ^ Signs, 128).Times(scale), 2 * part);
        sink.Take(Octet.OfBytes(quad.Z ^ Signs, quad.W ^ Signs, 128).Times(scale), 2 * part + 1);
    }
}

/// <summary>Q4_0: one quad a block, elements 0 to 15 in the lower halves of its bytes and 16 to 31 in the upper.</summary>
internal readonly struct DeviceQ4 : IDeviceFormat
{
    public static int PartsPerBlock => 1;

    public static int NumbersPerPart => 32;

    public static int Span => 32;

    public static void Read<TSink>(DeviceWeight weight, int row, int part, ref TSink sink)
        where TSink : struct, IOctetSink
    {
        long block = (long)row * weight.BlocksPerRow + part;
        Quad quad = weight.Quads[block];
        float scale = Bits.OfHalf(weight.Factors[block]);
        const uint Nibbles = 0x0F0F0F0F;
        sink.Take(Octet.OfBytes(quad.X & Nibbles, quad.Y & Nibbles, 8).Times(scale), 4 * part);
        sink.Take(Octet.OfBytes(quad.Z & Nibbles, quad.W & Nibbles, 8).Times(scale), 4 * part + 1);
        sink.Take(Octet.OfBytes(quad.X >> 4 & Nibbles, quad.Y >> 4 & Nibbles, 8).Times(scale), 4 * part + 2);
        sink.Take(Octet.OfBytes(quad.Z >> 4 & Nibbles, quad.W >> 4 & Nibbles, 8).Times(scale), 4 * part + 3);
    }
}
