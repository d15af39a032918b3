using System.Runtime.CompilerServices;

namespace MoA.Engine.Numerics;

/// <summary>Rows of numbers in any stored format.</summary>
internal static unsafe class Quantization
{
    /// <summary>Writes floats in a format; the scalar definition.</summary>
    /// <param name="source">Finite floats; what exceeds the format's range becomes infinite in F16.</param>
    /// <param name="type">Format.</param>
    /// <param name="destination">Room for <c>type.RowBytes(count)</c> bytes.</param>
    /// <param name="count">A multiple of the format's block.</param>
    public static void Quantize(float* source, ElementType type, void* destination, long count)
    {
        switch (type)
        {
            case ElementType.F32:
                Buffer.MemoryCopy(source, destination, count * 4, count * 4);
                break;
            case ElementType.F16:
                for (long i = 0; i < count; i++)
                    ((Half*)destination)[i] = (Half)source[i];
                break;
            case ElementType.BF16:
                for (long i = 0; i < count; i++)
                    SimdScalar.StoreBF16((ushort*)destination + i, source[i]);
                break;
            case ElementType.Q8_0:
                Quantize<BlockQ8>(source, (byte*)destination, count);
                break;
            case ElementType.Q4_0:
                Quantize<BlockQ4>(source, (byte*)destination, count);
                break;
            case ElementType.Q4_K:
                Quantize<BlockQ4K>(source, (byte*)destination, count);
                break;
            case ElementType.Q5_K:
                Quantize<BlockQ5K>(source, (byte*)destination, count);
                break;
            default:
                Quantize<BlockQ6K>(source, (byte*)destination, count);
                break;
        }
    }

    /// <summary>Reads stored numbers as floats; the scalar definition.</summary>
    public static void Dequantize(ElementType type, void* source, float* destination, long count)
    {
        switch (type)
        {
            case ElementType.F32:
                Buffer.MemoryCopy(source, destination, count * 4, count * 4);
                break;
            case ElementType.F16:
                for (long i = 0; i < count; i++)
                    destination[i] = (float)((Half*)source)[i];
                break;
            case ElementType.BF16:
                for (long i = 0; i < count; i++)
                    destination[i] = SimdScalar.LoadBF16((ushort*)source + i);
                break;
            case ElementType.Q8_0:
                Dequantize<BlockQ8>((byte*)source, destination, count);
                break;
            case ElementType.Q4_0:
                Dequantize<BlockQ4>((byte*)source, destination, count);
                break;
            case ElementType.Q4_K:
                Dequantize<BlockQ4K>((byte*)source, destination, count);
                break;
            case ElementType.Q5_K:
                Dequantize<BlockQ5K>((byte*)source, destination, count);
                break;
            default:
                Dequantize<BlockQ6K>((byte*)source, destination, count);
                break;
        }
    }

    private static void Quantize<TFormat>(float* source, byte* destination, long count)
        where TFormat : IBlockFormat
    {
        long size = TFormat.BlockSize;
        for (long i = 0; i < count; i += size, destination += TFormat.BlockBytes)
            TFormat.Quantize(source + i, destination);
    }

    private static void Dequantize<TFormat>(byte* source, float* destination, long count)
        where TFormat : IBlockFormat
    {
        long size = TFormat.BlockSize;
        for (long i = 0; i < count; i += size, source += TFormat.BlockBytes)
            TFormat.Dequantize(source, destination + i);
    }
}
