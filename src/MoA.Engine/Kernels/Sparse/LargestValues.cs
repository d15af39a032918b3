using System.Buffers;

namespace MoA.Engine.Kernels.Sparse;

/// <summary>Finds the largest of many numbers, in a time that grows with their number.</summary>
internal static class LargestValues
{
    /// <summary>Lists where the largest numbers stand, in ascending order; of equal ones the first.</summary>
    /// <param name="values">The numbers; none of them NaN.</param>
    /// <param name="places">Takes the places: as many as it has, at most as many as there are numbers.</param>
    public static void Find(ReadOnlySpan<float> values, Span<int> places)
    {
        if (places.IsEmpty)
            return;
        float least = Select(values, places.Length - 1);
        int equals = places.Length;
        foreach (float value in values)
            equals -= value > least ? 1 : 0;
        for (int i = 0, count = 0; count < places.Length; i++)
        {
            if (values[i] > least || (values[i] == least && equals-- > 0))
                places[count++] = i;
        }
    }

    // The number that stands at a rank when they are in descending order.
    private static float Select(ReadOnlySpan<float> values, int rank)
    {
        float[] rented = ArrayPool<float>.Shared.Rent(values.Length);
        Span<float> rest = rented.AsSpan(0, values.Length);
        values.CopyTo(rest);
        while (true)
        {
            float pivot = Middle(rest[0], rest[rest.Length / 2], rest[^1]);
            int larger = 0, end = rest.Length;
            for (int i = 0; i < end;)
            {
                float value = rest[i];
                if (value > pivot)
                {
                    rest[i++] = rest[larger];
                    rest[larger++] = value;
                }
                else if (value < pivot)
                {
                    rest[i] = rest[--end];
                    rest[end] = value;
                }
                else
                {
                    i++;
                }
            }

            if (rank < larger)
            {
                rest = rest[..larger];
            }
            else if (rank < end)
            {
                ArrayPool<float>.Shared.Return(rented);
                return pivot;
            }
            else
            {
                rest = rest[end..];
                rank -= end;
            }
        }
    }

    private static float Middle(float a, float b, float c) => MathF.Max(MathF.Min(a, b), MathF.Min(MathF.Max(a, b), c));
}
