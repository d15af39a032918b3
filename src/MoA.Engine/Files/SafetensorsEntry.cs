namespace MoA.Engine.Files;

/// <summary>One tensor of a <see cref="SafetensorsFile"/>: a view of the mapped file.</summary>
internal sealed unsafe class SafetensorsEntry
{
    internal SafetensorsEntry(string dType, long[] shape, byte* data, long length)
    {
        DType = dType;
        Shape = shape;
        Data = data;
        Length = length;
    }

    /// <summary>The format of the elements as the file spells it: F32, F16, BF16, F64, I64 … F4.</summary>
    public string DType { get; }

    /// <summary>
    /// Sizes from the slowest dimension to the fastest; empty for a single number. Not to be written to.
    /// </summary>
    public long[] Shape { get; }

    /// <summary>Number of bytes.</summary>
    public long Length { get; }

    /// <summary>
    /// The first byte. Files need not align their tensors: F32 data may start at any address, which the loads of x86
    /// and Arm allow.
    /// </summary>
    internal byte* Data { get; }
}
