using ILGPU;
using ILGPU.Runtime;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Cuda;

/// <summary>Random numbers on a device that bfloat16 holds exactly, and room for results; given back together.</summary>
internal sealed class CheckInputs(DeviceSession session, DeviceMemory memory, int seed) : IDisposable
{
    private readonly Random _random = new(seed);
    private readonly List<IDisposable> _buffers = [];

    /// <summary>Floats between -1 and 1; rows are padded with zeros to whole octets.</summary>
    public ArrayView<Quad> Floats(int rows, int columns)
    {
        int stride = (columns + 7) / 8 * 8;
        float[] numbers = new float[(long)rows * stride];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = i % stride < columns ? BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(2 * _random.NextSingle() - 1) & 0xFFFF0000) : 0;
        return Copy<float>(numbers).Cast<Quad>();
    }

    /// <summary>The same in BF16.</summary>
    public ArrayView<Quad> Rounded(ArrayView<Quad> floats)
    {
        ArrayView<Quad> rounded = Room<Quad>(floats.Length / 2);
        BF16Operand.Round(session, floats, rounded);
        return rounded;
    }

    /// <summary>Random bytes, not on the device.</summary>
    public byte[] Bytes(long count)
    {
        byte[] bytes = new byte[count];
        _random.NextBytes(bytes);
        return bytes;
    }

    public ArrayView<T> Copy<T>(ReadOnlySpan<T> elements)
        where T : unmanaged
    {
        DeviceBuffer<T> buffer = memory.Allocate<T>(elements.Length);
        _buffers.Add(buffer);
        buffer.Write(elements);
        return buffer.View;
    }

    /// <summary>Memory, every byte zero.</summary>
    public ArrayView<T> Room<T>(long length)
        where T : unmanaged
    {
        DeviceBuffer<T> buffer = memory.AllocateCleared<T>(length);
        _buffers.Add(buffer);
        return buffer.View;
    }

    public float[] Read(ArrayView<Quad> floats)
    {
        session.Accelerator.Synchronize();
        float[] numbers = new float[4 * floats.Length];
        floats.Cast<float>().CopyToCPU(numbers);
        return numbers;
    }

    public void Dispose()
    {
        session.Accelerator.Synchronize();
        foreach (IDisposable buffer in _buffers)
            buffer.Dispose();
    }
}
