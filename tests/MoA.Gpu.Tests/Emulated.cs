using ILGPU;
using ILGPU.Runtime;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;
using MoA.Gpu.Tests.Cuda;

namespace MoA.Gpu.Tests;

/// <summary>The emulated devices of all tests, one at a time, and arrays on them.</summary>
internal sealed class Emulated : IDisposable
{
    private static readonly DeviceSession Shared = DeviceSession.Emulate();

    private static readonly Lazy<DeviceSession> WithTensorCores =
        new(() => DeviceSession.Emulate(cuda: accelerator => new EmulatedLauncher(accelerator)));

    private readonly List<MemoryBuffer> _buffers = [];

    /// <param name="tensorCores">Whether it runs the kernels in CUDA C++ (<see cref="EmulatedLauncher"/>).</param>
    public Emulated(bool tensorCores = false)
    {
        Session = tensorCores ? WithTensorCores.Value : Shared;
        Memory = new DeviceMemory(Session);
        Monitor.Enter(Session);
    }

    public DeviceSession Session { get; }

    /// <summary>The device's memory.</summary>
    public DeviceMemory Memory { get; }

    /// <summary>A copy on the device.</summary>
    public ArrayView<T> Copy<T>(T[] values)
        where T : unmanaged
    {
        MemoryBuffer1D<T, Stride1D.Dense> buffer = Session.Accelerator.Allocate1D<T>(Math.Max(1, values.Length));
        _buffers.Add(buffer);
        if (values.Length > 0)
            buffer.View.SubView(0, values.Length).CopyFromCPU(values);
        return buffer.View.SubView(0, values.Length).AsContiguous();
    }

    /// <summary>Dense rows of floats, each padded with zeros to a multiple.</summary>
    public ArrayView<Quad> Rows(float[] values, int columns, int multiple = 8)
    {
        int stride = (columns + multiple - 1) / multiple * multiple;
        float[] padded = new float[values.Length / columns * stride];
        for (int row = 0; row < values.Length / columns; row++)
            values.AsSpan(row * columns, columns).CopyTo(padded.AsSpan(row * stride));
        return Copy(padded).Cast<Quad>();
    }

    /// <summary>What <see cref="Rows"/> wrote or a kernel changed; the padding must still be zero.</summary>
    public static float[] Read(ArrayView<Quad> rows, int columns, int multiple = 8)
    {
        rows.GetAccelerator().Synchronize();
        int stride = (columns + multiple - 1) / multiple * multiple;
        float[] padded = new float[rows.Length * 4];
        rows.Cast<float>().CopyToCPU(padded);
        float[] values = new float[padded.Length / stride * columns];
        for (int row = 0; row < padded.Length / stride; row++)
        {
            padded.AsSpan(row * stride, columns).CopyTo(values.AsSpan(row * columns));
            Assert.All(padded[(row * stride + columns)..((row + 1) * stride)], padding => Assert.Equal(0, padding));
        }

        return values;
    }

    public static T[] Read<T>(ArrayView<T> values)
        where T : unmanaged
    {
        values.GetAccelerator().Synchronize();
        T[] result = new T[values.Length];
        values.CopyToCPU(result);
        return result;
    }

    public void Dispose()
    {
        Session.Accelerator.Synchronize();
        foreach (MemoryBuffer buffer in _buffers)
            buffer.Dispose();
        Monitor.Exit(Session);
    }
}
