using System.Numerics.Tensors;

namespace MoA.Engine.Tests.Kernels;

/// <summary>
/// Numbers that a kernel rounds to whole steps, the largest of each group being <paramref name="Steps"/> of them: each is
/// off by half a step of its group at most, however small it is itself.
/// </summary>
/// <param name="Group">Consecutive numbers that share a step.</param>
/// <param name="Steps">Steps to the largest; 0 where nothing is rounded.</param>
internal readonly record struct Rounding(int Group, int Steps)
{
    /// <summary>The largest relative error of a float operation.</summary>
    public const double OfFloats = 1.0 / (1 << 24);

    /// <summary>How far a rounded number may be off: a half, and what three float operations add to a quotient of 16 bits.</summary>
    public const double HalfStep = 0.5 + 3 * 65536 * OfFloats;

    public static Rounding None => default;

    /// <summary>How far each number may be off; groups begin anew in every row.</summary>
    public double[] ErrorsOf(float[] rows, int columns)
    {
        double[] errors = new double[rows.Length];
        if (Steps == 0)
            return errors;
        for (int row = 0; row < rows.Length; row += columns)
        {
            for (int i = 0; i < columns; i += Group)
            {
                int count = Math.Min(Group, columns - i);
                double largest = Math.Abs(TensorPrimitives.MaxMagnitude(rows.AsSpan(row + i, count)));
                errors.AsSpan(row + i, count).Fill(HalfStep * largest / Steps);
            }
        }

        return errors;
    }
}
