using MoA.Engine.Models;
using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Kernels;

/// <summary>A random weight in any stored format, at an address that only its element size aligns.</summary>
internal sealed unsafe class Weights : IDisposable
{
    private readonly NativeBuffer<byte> _memory;

    public Weights(Random random, ElementType type, int rows, int columns)
    {
        int size = type.BytesPerBlock();
        _memory = new NativeBuffer<byte>(new NativeAllocator(), (long)rows * columns * size + size);
        byte* data = _memory.Data + size;
        Values = new float[rows * columns];
        for (int i = 0; i < Values.Length; i++)
        {
            float value = (float)(2 * random.NextDouble() - 1);
            switch (type)
            {
                case ElementType.F32:
                    ((float*)data)[i] = Values[i] = value;
                    break;
                case ElementType.F16:
                    ((Half*)data)[i] = (Half)value;
                    Values[i] = (float)(Half)value;
                    break;
                default:
                    ushort bits = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
                    ((ushort*)data)[i] = bits;
                    Values[i] = BitConverter.UInt32BitsToSingle((uint)bits << 16);
                    break;
            }
        }

        Tensor = new WeightTensor("random", type, rows, columns, data);
    }

    public WeightTensor Tensor { get; }

    /// <summary>The stored numbers, widened; row-major.</summary>
    public float[] Values { get; }

    public void Dispose() => _memory.Dispose();
}
