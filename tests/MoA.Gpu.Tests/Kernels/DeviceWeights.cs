using MoA.Engine.Numerics;
using MoA.Gpu.Weights;

namespace MoA.Gpu.Tests.Kernels;

/// <summary>A random weight in any stored format, quantised by the engine's definition and laid out for the device.</summary>
internal sealed unsafe class DeviceWeights
{
    private readonly byte[] _quads;
    private readonly ushort[] _factors;
    private readonly WeightLayout _layout;

    public DeviceWeights(int seed, ElementType type, int rows, int columns)
    {
        _layout = new WeightLayout(type, rows, columns);
        Values = Numbers.Random(seed, rows * columns);
        byte[] stored = new byte[rows * type.RowBytes(columns)];
        fixed (float* values = Values)
        fixed (byte* bytes = stored)
        {
            Quantization.Quantize(values, type, bytes, Values.Length);
            Quantization.Dequantize(type, bytes, values, Values.Length);
        }

        _quads = new byte[_layout.Quads * 16];
        _factors = new ushort[_layout.Factors];
        _layout.Arrange(stored, rows, _quads, _factors);
        StoredBytes = stored.Length;
    }

    /// <summary>The stored numbers, widened; row-major.</summary>
    public float[] Values { get; }

    public int StoredBytes { get; }

    public int DeviceBytes => _quads.Length + 2 * _factors.Length;

    public DeviceWeight On(Emulated device) => new()
    {
        Quads = device.Copy(_quads).Cast<Gpu.Kernels.Quad>(),
        Factors = device.Copy(_factors),
        Rows = _layout.Rows,
        BlocksPerRow = _layout.BlocksPerRow,
    };
}
