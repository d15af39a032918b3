namespace MoA.Gpu.Blas;

/// <summary>A product with a weight: rows of inputs, and the weight's rows and columns. Rows in memory are padded to whole octets.</summary>
/// <param name="Rows">Rows of inputs and of results.</param>
/// <param name="Outputs">Rows of the weight.</param>
/// <param name="Inputs">Columns of the weight.</param>
internal readonly record struct ProductShape(int Rows, int Outputs, int Inputs)
{
    private const int Octet = 8;

    /// <summary>Numbers from one row of inputs, or of the weight, to the next.</summary>
    public int InputStride => Padded(Inputs);

    /// <summary>Numbers from one row of results to the next: as many as there are, unless these are a part of the outputs.</summary>
    public int OutputStride
    {
        get => field == 0 ? Padded(Outputs) : field;
        init;
    }

    /// <summary>Numbers that rows of inputs reach over.</summary>
    public long InputLength => (long)Rows * InputStride;

    /// <summary>Numbers that rows of results reach over.</summary>
    public long OutputLength => Rows == 0 ? 0 : (Rows - 1L) * OutputStride + Padded(Outputs);

    private static int Padded(int columns) => (columns + Octet - 1) / Octet * Octet;
}
