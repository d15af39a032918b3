namespace MoA.Engine.Numerics;

/// <summary>Finds the factors of Q6_K and Q3_K: 16 groups of 16 elements, each scale·(quant − levels), scales multiples of one factor.</summary>
internal static unsafe class SymmetricQuantizer
{
    private const int Groups = 16;
    private const int GroupSize = 16;

    /// <summary>Writes scales and factor, and gives the quants, one a byte, 0 to 2·<paramref name="levels"/> - 1.</summary>
    /// <param name="source">256 floats.</param>
    /// <param name="levels">What is subtracted from every quant.</param>
    /// <param name="steps">The scales are multiples of the factor from minus this many to one less.</param>
    /// <param name="scaleSteps">Room for 16 of them.</param>
    /// <param name="factor">Where the factor goes.</param>
    /// <param name="quants">Room for 256.</param>
    public static void Quantize(float* source, int levels, int steps, sbyte* scaleSteps, byte* factor, byte* quants)
    {
        float* scales = stackalloc float[Groups];
        float extreme = 0;
        for (int group = 0; group < Groups; group++)
        {
            scales[group] = Fit(source + group * GroupSize, levels);
            if (MathF.Abs(scales[group]) > MathF.Abs(extreme))
                extreme = scales[group];
        }

        BlockScale.Write(factor, extreme / -steps);
        float step = BlockScale.Read(factor);
        for (int group = 0; group < Groups; group++)
        {
            scaleSteps[group] = extreme == 0
                ? (sbyte)0
                : (sbyte)Math.Clamp(MathF.Round(scales[group] / extreme * -steps), -steps, steps - 1);
            float scale = step * scaleSteps[group];
            for (int i = group * GroupSize; i < (group + 1) * GroupSize; i++)
            {
                float quant = scale == 0 ? 0 : MathF.Round(source[i] / scale);
                quants[i] = (byte)(Math.Clamp(quant, -levels, levels - 1) + levels);
            }
        }
    }

    // Tries scales around the one that makes the largest element -levels, refits each by least squares weighted with the
    // squares of the elements, and keeps the best.
    private static float Fit(float* x, int levels)
    {
        float extreme = 0;
        for (int i = 0; i < GroupSize; i++)
        {
            if (MathF.Abs(x[i]) > MathF.Abs(extreme))
                extreme = x[i];
        }

        if (extreme == 0)
            return 0;
        float best = 0, bestGain = 0;
        for (int candidate = -9; candidate <= 9; candidate++)
        {
            float inverse = -(levels + 0.1f * candidate) / extreme;
            float sumXL = 0, sumLL = 0;
            for (int i = 0; i < GroupSize; i++)
            {
                float level = Math.Clamp(MathF.Round(x[i] * inverse), -levels, levels - 1);
                float weight = x[i] * x[i];
                sumXL += weight * x[i] * level;
                sumLL += weight * level * level;
            }

            // With the best scale sumXL/sumLL, the squared error is Σw·x² − sumXL²/sumLL.
            float gain = sumLL > 0 ? sumXL / sumLL * sumXL : 0;
            if (gain > bestGain)
                (best, bestGain) = (sumXL / sumLL, gain);
        }

        return best;
    }
}
