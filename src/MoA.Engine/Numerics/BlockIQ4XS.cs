using System.Runtime.CompilerServices;

namespace MoA.Engine.Numerics;

/// <summary>
/// IQ4_XS: F16 factor, 2 bytes with the upper two bits of eight scales, 4 bytes with their lower four, shifted by 32, then 16
/// bytes for each group of 32, steps as in <see cref="BlockIQ4"/>. An element is scale·step.
/// </summary>
internal readonly unsafe struct BlockIQ4XS : IBlockFormat
{
    /// <summary>What is subtracted from every scale.</summary>
    public const int ScaleShift = 32;

    private const int Groups = 8;
    private const int UpperBits = 2;
    private const int LowerBits = 4;
    private const int Quants = LowerBits + Groups / 2;

    public static int BlockBytes => Quants + 128;

    public static int BlockSize => 256;

    public static void Quantize(float* source, byte* block)
    {
        float* scales = stackalloc float[Groups];
        float extreme = 0;
        for (int group = 0; group < Groups; group++)
        {
            scales[group] = BlockIQ4.Fit(source + group * BlockIQ4.Size);
            if (MathF.Abs(scales[group]) > MathF.Abs(extreme))
                extreme = scales[group];
        }

        BlockScale.Write(block, extreme / -ScaleShift);
        new Span<byte>(block + UpperBits, Quants - UpperBits).Clear();
        for (int group = 0; group < Groups; group++)
        {
            int steps = extreme == 0 ? 0 : (int)Math.Clamp(MathF.Round(scales[group] / extreme * -ScaleShift), -ScaleShift, ScaleShift - 1);
            int stored = steps + ScaleShift;
            block[UpperBits + group / 4] |= (byte)(stored >> 4 << (group % 4 * 2));
            block[LowerBits + group / 2] |= (byte)((stored & 15) << (group % 2 * 4));
            BlockIQ4.Choose(source + group * BlockIQ4.Size, BlockScale.Read(block) * steps, block + Quants + 16 * group);
        }
    }

    public static void Dequantize(byte* block, float* destination)
    {
        float factor = BlockScale.Read(block);
        uint upper = Unsafe.ReadUnaligned<ushort>(block + UpperBits), lower = Unsafe.ReadUnaligned<uint>(block + LowerBits);
        for (int group = 0; group < Groups; group++)
        {
            uint steps = ((lower >> (4 * group)) & 15) | ((upper >> (2 * group)) & 3) << 4;
            BlockIQ4.Read(block + Quants + 16 * group, factor * ((int)steps - ScaleShift), destination + 32 * group);
        }
    }
}
