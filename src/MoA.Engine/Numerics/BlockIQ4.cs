using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <summary>
/// IQ4_NL: F16 scale, then 16 bytes as in <see cref="BlockQ4"/>, whose halves choose among 16 steps that lie closer together near
/// zero. An element is scale·step.
/// </summary>
internal readonly unsafe struct BlockIQ4 : IBlockFormat
{
    public const int Size = 32;

    private const int Quants = 2;
    private const int Candidates = 7;

    public static int BlockBytes => Quants + Size / 2;

    public static int BlockSize => Size;

    /// <summary>The steps.</summary>
    public static Vector128<sbyte> Steps
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
    }

    public static void Quantize(float* source, byte* block)
    {
        BlockScale.Write(block, Fit(source));
        Choose(source, BlockScale.Read(block), block + Quants);
    }

    public static void Dequantize(byte* block, float* destination) => Read(block + Quants, BlockScale.Read(block), destination);

    /// <summary>Reads 32 elements with a scale.</summary>
    public static void Read(byte* quants, float scale, float* destination)
    {
        Vector128<sbyte> steps = Steps;
        for (int i = 0; i < 16; i++)
        {
            destination[i] = scale * steps[quants[i] & 15];
            destination[i + 16] = scale * steps[quants[i] >> 4];
        }
    }

    /// <summary>Chooses the nearest steps for 32 elements.</summary>
    public static void Choose(float* source, float scale, byte* quants)
    {
        float inverse = scale == 0 ? 0 : 1 / scale;
        for (int i = 0; i < 16; i++)
            quants[i] = (byte)(Nearest(source[i] * inverse) | (Nearest(source[i + 16] * inverse) << 4));
    }

    /// <summary>
    /// A scale for 32 elements: of those by which the element of largest magnitude comes near the first step, refitted by least
    /// squares weighted with the squares of the elements, the best.
    /// </summary>
    public static float Fit(float* x)
    {
        float extreme = 0;
        for (int i = 0; i < Size; i++)
        {
            if (MathF.Abs(x[i]) > MathF.Abs(extreme))
                extreme = x[i];
        }

        float best = 0, bestGain = 0;
        for (int candidate = -Candidates; candidate <= Candidates && extreme != 0; candidate++)
        {
            float inverse = (Steps[0] + candidate) / extreme, sumXS = 0, sumSS = 0;
            for (int i = 0; i < Size; i++)
            {
                float step = Steps[Nearest(x[i] * inverse)], weight = x[i] * x[i];
                sumXS += weight * x[i] * step;
                sumSS += weight * step * step;
            }

            // With the best scale sumXS/sumSS, the squared error is Σw·x² − sumXS²/sumSS.
            float gain = sumSS > 0 ? sumXS / sumSS * sumXS : 0;
            if (gain > bestGain)
                (best, bestGain) = (sumXS / sumSS, gain);
        }

        return best;
    }

    private static int Nearest(float value)
    {
        Vector128<sbyte> steps = Steps;
        int above = 1;
        while (above < 15 && steps[above] < value)
            above++;
        return value - steps[above - 1] < steps[above] - value ? above - 1 : above;
    }
}
