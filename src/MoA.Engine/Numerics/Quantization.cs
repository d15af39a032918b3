namespace MoA.Engine.Numerics;

/// <summary>Rows of numbers in any stored format: the scalar definition.</summary>
internal static unsafe class Quantization
{
    /// <summary>Writes floats in a format.</summary>
    /// <param name="source">Finite floats; what exceeds the format's range becomes infinite in F16.</param>
    /// <param name="type">Format.</param>
    /// <param name="destination">Room for <c>type.RowBytes(count)</c> bytes.</param>
    /// <param name="count">A multiple of the format's block.</param>
    public static void Quantize(float* source, ElementType type, void* destination, long count) =>
        ElementFormat.Of(type).Quantize(source, (byte*)destination, count);

    /// <summary>Reads stored numbers as floats.</summary>
    public static void Dequantize(ElementType type, void* source, float* destination, long count) =>
        ElementFormat.Of(type).Dequantize((byte*)source, destination, count);
}
