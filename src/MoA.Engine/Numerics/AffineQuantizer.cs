namespace MoA.Engine.Numerics;

/// <summary>
/// Finds the factors of Q4_K, Q5_K and Q2_K: groups of elements, each scale·quant − minimum, whose scales and minima are
/// multiples of two F16 factors.
/// </summary>
internal static unsafe class AffineQuantizer
{
    private const int Size = 256;
    private const int MostGroups = 16;
    private const int Candidates = 20;

    /// <summary>Finds a block's factors, and its quants, one a byte.</summary>
    /// <param name="source">256 floats.</param>
    /// <param name="maximum">The largest quant.</param>
    /// <param name="mostSteps">The largest multiple of a factor.</param>
    /// <param name="factors">Where the factors go, that of the scales first.</param>
    /// <param name="scaleSteps">The groups' scales as multiples of their factor; as many as there are groups.</param>
    /// <param name="minimumSteps">The groups' minima as multiples of theirs.</param>
    /// <param name="quants">Room for 256.</param>
    public static void Quantize(
        float* source, int maximum, int mostSteps, byte* factors, Span<byte> scaleSteps, Span<byte> minimumSteps, byte* quants)
    {
        int groups = scaleSteps.Length, size = Size / groups;
        float* scales = stackalloc float[MostGroups], minima = stackalloc float[MostGroups];
        float largestScale = 0, largestMinimum = 0;
        for (int group = 0; group < groups; group++)
        {
            (scales[group], minima[group]) = Fit(source + group * size, size, maximum);
            largestScale = MathF.Max(largestScale, scales[group]);
            largestMinimum = MathF.Max(largestMinimum, minima[group]);
        }

        BlockScale.Write(factors, largestScale / mostSteps);
        BlockScale.Write(factors + 2, largestMinimum / mostSteps);
        for (int group = 0; group < groups; group++)
        {
            scaleSteps[group] = Steps(scales[group], largestScale, mostSteps);
            minimumSteps[group] = Steps(minima[group], largestMinimum, mostSteps);
            float scale = scaleSteps[group] * BlockScale.Read(factors), minimum = minimumSteps[group] * BlockScale.Read(factors + 2);
            for (int i = group * size; i < (group + 1) * size; i++)
            {
                float quant = scale == 0 ? 0 : MathF.Round((source[i] + minimum) / scale);
                quants[i] = (byte)Math.Clamp(quant, 0, maximum);
            }
        }
    }

    private static byte Steps(float value, float largest, int most) =>
        largest == 0 ? (byte)0 : (byte)Math.Min(most, MathF.Round(value * most / largest));

    // Tries a few ranges around the elements' own, solves each for the best scale and minimum by least squares (larger
    // elements count more), and keeps the best. A minimum cannot be negative: the range always includes zero.
    private static (float Scale, float Minimum) Fit(float* x, int size, int maximum)
    {
        float lowest = 0, highest = x[0], sumOfSquares = 0;
        for (int i = 0; i < size; i++)
        {
            lowest = MathF.Min(lowest, x[i]);
            highest = MathF.Max(highest, x[i]);
            sumOfSquares += x[i] * x[i];
        }

        if (highest <= lowest)
            return (0, -lowest);
        float* weights = stackalloc float[size];
        float mean = MathF.Sqrt(sumOfSquares / size);
        for (int i = 0; i < size; i++)
            weights[i] = mean + MathF.Abs(x[i]);

        (float Scale, float Minimum) best = ((highest - lowest) / maximum, -lowest);
        float bestError = Error(x, size, weights, best.Scale, best.Minimum, maximum);
        for (int candidate = 0; candidate <= Candidates; candidate++)
        {
            float inverse = (maximum - 1 + 0.1f * candidate) / (highest - lowest);
            (float scale, float minimum) = Refit(x, size, weights, inverse, lowest, maximum);
            if (!(scale > 0))
                continue;
            float error = Error(x, size, weights, scale, minimum, maximum);
            if (error < bestError)
                (best, bestError) = ((scale, minimum), error);
        }

        return best;
    }

    private static (float Scale, float Minimum) Refit(float* x, int size, float* weights, float inverse, float lowest, int maximum)
    {
        float sumW = 0, sumX = 0, sumL = 0, sumLL = 0, sumXL = 0;
        for (int i = 0; i < size; i++)
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

    private static float Error(float* x, int size, float* weights, float scale, float minimum, int maximum)
    {
        float error = 0;
        for (int i = 0; i < size; i++)
        {
            float level = Math.Clamp(MathF.Round((x[i] + minimum) / scale), 0, maximum);
            float difference = scale * level - minimum - x[i];
            error += weights[i] * difference * difference;
        }

        return error;
    }
}
