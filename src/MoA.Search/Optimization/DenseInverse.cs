namespace MoA.Search.Optimization;

/// <summary>Inversion of a small dense matrix by Gauss-Jordan elimination with row pivoting.</summary>
internal static class DenseInverse
{
    /// <summary>Writes the inverse of a row-major matrix, which is destroyed; false and unchanged if it is singular.</summary>
    public static bool TryInvert(double[] matrix, int size, double[] inverse)
    {
        double[] result = new double[size * size];
        for (int i = 0; i < size; i++)
            result[i * size + i] = 1;
        for (int column = 0; column < size; column++)
        {
            int pivot = column;
            for (int row = column + 1; row < size; row++)
            {
                if (Math.Abs(matrix[row * size + column]) > Math.Abs(matrix[pivot * size + column]))
                    pivot = row;
            }

            double head = matrix[pivot * size + column];
            if (Math.Abs(head) < 1e-14)
                return false;
            SwapRows(matrix, size, pivot, column);
            SwapRows(result, size, pivot, column);
            for (int j = 0; j < size; j++)
            {
                matrix[column * size + j] /= head;
                result[column * size + j] /= head;
            }

            for (int row = 0; row < size; row++)
            {
                double factor = matrix[row * size + column];
                if (row == column || factor == 0)
                    continue;
                for (int j = 0; j < size; j++)
                {
                    matrix[row * size + j] -= factor * matrix[column * size + j];
                    result[row * size + j] -= factor * result[column * size + j];
                }
            }
        }

        result.CopyTo(inverse, 0);
        return true;
    }

    private static void SwapRows(double[] matrix, int size, int first, int second)
    {
        if (first == second)
            return;
        Span<double> a = matrix.AsSpan(first * size, size);
        Span<double> b = matrix.AsSpan(second * size, size);
        for (int j = 0; j < size; j++)
            (a[j], b[j]) = (b[j], a[j]);
    }
}
