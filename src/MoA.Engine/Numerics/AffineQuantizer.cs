using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <summary>
/// What Q4_K and Q5_K share: eight groups of 32 elements, each scale·quant − minimum with 6-bit scales and minima that
/// are themselves multiples of two F16 factors at the start of the block.
/// </summary>
internal static unsafe class AffineQuantizer
{
    private const int Groups = 8;
    private const int GroupSize = 32;
    private const int MaximumFactor = 63;
    private const int Candidates = 20;

    /// <summary>Writes a block's factors and gives its quants, one a byte, 0 … <paramref name="maximum"/>.</summary>
    public static void Quantize(float* source, int maximum, byte* block, byte* quants)
    {
        float* scales = stackalloc float[Groups], minima = stackalloc float[Groups];
        float largestScale = 0, largestMinimum = 0;
        for (int group = 0; group < Groups; group++)
        {
            (scales[group], minima[group]) = Fit(source + group * GroupSize, maximum);
            largestScale = MathF.Max(largestScale, scales[group]);
            largestMinimum = MathF.Max(largestMinimum, minima[group]);
        }

        BlockScale.Write(block, largestScale / MaximumFactor);
        BlockScale.Write(block + 2, largestMinimum / MaximumFactor);
        Span<byte> scaleSteps = stackalloc byte[Groups], minimumSteps = stackalloc byte[Groups];
        for (int group = 0; group < Groups; group++)
        {
            scaleSteps[group] = Steps(scales[group], largestScale);
            minimumSteps[group] = Steps(minima[group], largestMinimum);
        }

        KScales.Pack(scaleSteps, minimumSteps, block + 4);
        ReadFactors(block, out Vector256<float> storedScales, out Vector256<float> storedMinima);
        storedScales.Store(scales);
        storedMinima.Store(minima);
        for (int i = 0; i < Groups * GroupSize; i++)
        {
            float scale = scales[i / GroupSize];
            float quant = scale == 0 ? 0 : MathF.Round((source[i] + minima[i / GroupSize]) / scale);
            quants[i] = (byte)Math.Clamp(quant, 0, maximum);
        }
    }

    /// <summary>The groups' scales and minima as stored.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ReadFactors(byte* block, out Vector256<float> scales, out Vector256<float> minima)
    {
        Vector128<byte> steps = KScales.Unpack(block + 4);
        scales = Vector256.ConvertToSingle(Integers.WidenLowerToInt32(steps)) * BlockScale.Read(block);
        minima = Vector256.ConvertToSingle(Integers.WidenUpperToInt32(steps)) * BlockScale.Read(block + 2);
    }

    private static byte Steps(float value, float largest) =>
        largest == 0 ? (byte)0 : (byte)Math.Min(MaximumFactor, MathF.Round(value * MaximumFactor / largest));

    // Tries a few ranges around the elements' own, solves each for the best scale and minimum by least squares (larger
    // elements count more), and keeps the best. A minimum cannot be negative: the range always includes zero.
    private static (float Scale, float Minimum) Fit(float* x, int maximum)
    {
        float lowest = 0, highest = x[0], sumOfSquares = 0;
        for (int i = 0; i < GroupSize; i++)
        {
            lowest = MathF.Min(lowest, x[i]);
            highest = MathF.Max(highest, x[i]);
            sumOfSquares += x[i] * x[i];
        }

        if (highest <= lowest)
            return (0, -lowest);
        float* weights = stackalloc float[GroupSize];
        float mean = MathF.Sqrt(sumOfSquares / GroupSize);
        for (int i = 0; i < GroupSize; i++)
            weights[i] = mean + MathF.Abs(x[i]);

        (float Scale, float Minimum) best = ((highest - lowest) / maximum, -lowest);
        float bestError = Error(x, weights, best.Scale, best.Minimum, maximum);
        for (int candidate = 0; candidate <= Candidates; candidate++)
        {
            float inverse = (maximum - 1 + 0.1f * candidate) / (highest - lowest);
            (float scale, float minimum) = Refit(x, weights, inverse, lowest, maximum);
            if (!(scale > 0))
                continue;
            float error = Error(x, weights, scale, minimum, maximum);
            if (error < bestError)
                (best, bestError) = ((scale, minimum), error);
        }

        return best;
    }

    private static (float Scale, float Minimum) Refit(float* x, float* weights, float inverse, float lowest, int maximum)
    {
        float sumW = 0, sumX = 0, sumL = 0, sumLL = 0, sumXL = 0;
        for (int i = 0; i < GroupSize; i++)
        {
            float level = Math.Clamp(MathF.Round((x[i] - lowest) * inverse), 0, maximum);
            float w = weights[i];
            sumW += w;
            sumX += w * x[i];
            sumL += w * level;
            sumLL += w * level * level;
            sumXL += w * x[i] * level;
        }

        float determinant = sumW * sumLL - sumL * sumL;
        if (determinant <= 0)
            return (0, 0);
        float offset = (sumLL * sumX - sumL * sumXL) / determinant;
        return offset > 0 ? (sumXL / sumLL, 0) : ((sumW * sumXL - sumX * sumL) / determinant, -offset);
    }

    private static float Error(float* x, float* weights, float scale, float minimum, int maximum)
    {
        float error = 0;
        for (int i = 0; i < GroupSize; i++)
        {
            float level = Math.Clamp(MathF.Round((x[i] + minimum) / scale), 0, maximum);
            float difference = scale * level - minimum - x[i];
            error += weights[i] * difference * difference;
        }

        return error;
    }
}
