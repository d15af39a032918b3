namespace MoA.Engine.Numerics;

/// <summary>What Q4_1 and Q5_1 share: 32 elements in even steps from the smallest to the largest, each scale·quant + minimum.</summary>
internal static unsafe class RangeQuantizer
{
    private const int Size = 32;

    /// <summary>Writes scale and minimum in F16, and gives the quants, one a byte, 0 to <paramref name="maximum"/>.</summary>
    public static void Quantize(float* source, int maximum, byte* factors, byte* quants)
    {
        float lowest = source[0], highest = source[0];
        for (int i = 1; i < Size; i++)
        {
            lowest = MathF.Min(lowest, source[i]);
            highest = MathF.Max(highest, source[i]);
        }

        float scale = (highest - lowest) / maximum, inverse = scale == 0 ? 0 : 1 / scale;
        BlockScale.Write(factors, scale);
        BlockScale.Write(factors + 2, lowest);
        for (int i = 0; i < Size; i++)
            quants[i] = (byte)Math.Min(maximum, (int)((source[i] - lowest) * inverse + 0.5f));
    }
}
