namespace MoA.Gpu.Cuda;

/// <summary>How far a kernel on tensor cores is from its portable twin on the same numbers.</summary>
/// <param name="Name">The kernel and the shape.</param>
/// <param name="Error">The largest difference, relative to the twin's root mean square; not a number where a result is none.</param>
/// <param name="Limit">What rounding explains.</param>
internal sealed record TensorCoreCheck(string Name, double Error, double Limit)
{
    /// <summary>Whether they are equal but for rounding.</summary>
    public bool Holds => Error <= Limit;

    public static TensorCoreCheck Of(string name, ReadOnlySpan<float> actual, ReadOnlySpan<float> twin, double limit)
    {
        double squares = 0, largest = 0;
        for (int i = 0; i < twin.Length; i++)
        {
            squares += (double)twin[i] * twin[i];
            // Math.Max hands on what is no number.
            largest = Math.Max(largest, Math.Abs((double)actual[i] - twin[i]));
        }

        return new TensorCoreCheck(name, largest / Math.Sqrt(squares / twin.Length), limit);
    }
}
