using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Kernels;

/// <summary>A random weight in any stored format, at an address that only its element size aligns.</summary>
internal sealed unsafe class Weights : IDisposable
{
    private readonly NativeBuffer<byte> _memory;

    public Weights(Random random, ElementType type, int rows, int columns)
    {
        // One byte past the allocation's alignment where blocks have odd places anyway.
        int offset = type.IsQuantized() ? 1 : type.BytesPerBlock();
        long rowBytes = type.RowBytes(columns);
        _memory = new NativeBuffer<byte>(new NativeAllocator(), rows * rowBytes + offset);
        byte* data = _memory.Data + offset;
        Values = new float[rows * columns];
        for (int i = 0; i < Values.Length; i++)
            Values[i] = (float)(2 * random.NextDouble() - 1);
        fixed (float* values = Values)
        {
            for (int row = 0; row < rows; row++)
            {
                Quantization.Quantize(values + row * columns, type, data + row * rowBytes, columns);
                Quantization.Dequantize(type, data + row * rowBytes, values + row * columns, columns);
            }
        }

        Tensor = new WeightTensor("random", type, rows, columns, data);
    }

    public WeightTensor Tensor { get; }

    /// <summary>The stored numbers, widened; row-major.</summary>
    public float[] Values { get; }

    public void Dispose() => _memory.Dispose();
}
