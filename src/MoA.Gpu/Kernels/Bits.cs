using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>Numbers out of bits and back.</summary>
internal static class Bits
{
    // 2^23: a float whose last 23 bits are an integer is this much larger than it.
    private const uint TwoTo23 = 0x4B000000;

    /// <summary>The binary16 number in the lower half.</summary>
    public static float OfHalf(uint bits) => Interop.IntAsFloat((ushort)bits);

    /// <summary>
    /// The unsigned byte in the lowest eight bits, less <paramref name="shift"/>, exactly. By logic and a subtraction: devices
    /// convert integers at a quarter of the rate.
    /// </summary>
    public static float OfByte(uint bits, int shift) => Interop.IntAsFloat(bits & 0xFF | TwoTo23) - (8388608f + shift);

    /// <summary>The upper half of a float, rounded to the nearest bfloat16, ties to even; infinities stay.</summary>
    public static uint RoundToBF16(float value)
    {
        uint bits = Interop.FloatAsInt(value);
        return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    }

    /// <summary>
    /// The bits of the binary16 number nearest to one that is not negative, ties to even. Written out, since ILGPU's own
    /// conversion cuts off on the emulated device and rounds on others.
    /// </summary>
    public static ushort RoundToHalf(float value)
    {
        const float SmallestNormal = 6.103515625e-5f, TooLarge = 65520;
        uint bits = Interop.FloatAsInt(value);
        // The exponent's bias falls from 127 to 15. Below the normal numbers, a half's last place is that of 0.5.
        uint normal = (bits - (112u << 23) + 0xFFF + ((bits >> 13) & 1)) >> 13;
        uint small = Interop.FloatAsInt(value + 0.5f) - 0x3F000000;
        return (ushort)(value >= TooLarge ? 0x7C00 : value < SmallestNormal ? small : normal);
    }

    /// <summary>The bits of the binary16 number nearest to any, ties to even.</summary>
    public static uint RoundToSignedHalf(float value) => RoundToHalf(Math.Abs(value)) | ((Interop.FloatAsInt(value) >> 16) & 0x8000);
}
