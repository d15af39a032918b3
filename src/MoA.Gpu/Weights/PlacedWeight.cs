using ILGPU;
using MoA.Engine.Numerics;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Weights;

/// <summary>A weight in a device's memory: laid out for products; a vector, as norms and biases are, in floats besides.</summary>
internal sealed unsafe class PlacedWeight : WeightTensor, IDisposable
{
    // Laid out and copied a piece at a time: host memory stays small beside a weight.
    private const long PieceBytes = 64 << 20;

    private readonly DeviceBuffer<Quad> _quads;
    private readonly DeviceBuffer<ushort> _factors;
    private readonly DeviceBuffer<Quad>? _vector;

    /// <summary>Copies a weight, or draws it where it stands nowhere.</summary>
    public PlacedWeight(DeviceSession session, DeviceMemory memory, WeightTensor stored)
        : base(stored.Name, stored.Type, stored.Rows, stored.Columns, null)
    {
        WeightLayout layout = new(Type, Rows, Columns);
        _quads = memory.Allocate<Quad>(layout.Quads);
        _factors = memory.Allocate<ushort>(layout.Factors);
        Device = new DeviceWeight { Quads = _quads.View, Factors = _factors.View, Rows = Rows, BlocksPerRow = layout.BlocksPerRow };
        if (stored.Random is RandomContent random)
            RandomFill.Run(session, memory, layout, random, _quads.View, _factors.View);
        else
            Copy(stored, layout);
        if (IsVector(stored))
            _vector = Vector(memory, stored);
    }

    /// <summary>What kernels of products read.</summary>
    public DeviceWeight Device { get; }

    /// <summary>The only row, in floats padded with zeros to whole octets.</summary>
    /// <exception cref="InvalidOperationException">It is a matrix.</exception>
    public ArrayView<Quad> Floats => _vector?.View ?? throw new InvalidOperationException($"{Name} is no vector.");

    /// <summary>The weight as a device's.</summary>
    public static PlacedWeight Of(WeightTensor weight) => (PlacedWeight)weight;

    /// <summary>Whether there are kernels for a format.</summary>
    public static bool Takes(ElementType type) => type is ElementType.F32 or ElementType.F16 or ElementType.BF16 or ElementType.Q8_0 or
        ElementType.Q4_0 or ElementType.Q4_K or ElementType.Q5_K or ElementType.Q6_K;

    /// <summary>Bytes that a weight takes.</summary>
    public static long BytesOf(WeightTensor weight)
    {
        WeightLayout layout = new(weight.Type, weight.Rows, weight.Columns);
        return layout.Quads * 16 + Math.Max(1, layout.Factors) * 2 + (IsVector(weight) ? VectorQuads(weight.Columns) * 16 : 0);
    }

    public void Dispose()
    {
        _quads.Dispose();
        _factors.Dispose();
        _vector?.Dispose();
    }

    // Norms and biases are never drawn.
    private static bool IsVector(WeightTensor weight) => weight.Rows == 1 && weight.Random is null;

    private static long VectorQuads(int columns) => (columns + 7) / 8 * 2;

    private void Copy(WeightTensor stored, WeightLayout layout)
    {
        int rows = stored.Step == 1 ? (int)Math.Clamp(PieceBytes / stored.BytesPerRow, 1, Rows) : 1;
        long rowQuads = layout.Quads / Rows, rowFactors = layout.Factors / Rows;
        Quad[] quads = new Quad[rows * rowQuads];
        ushort[] factors = new ushort[rows * rowFactors];
        for (int row = 0; row < Rows; row += rows)
        {
            int count = Math.Min(rows, Rows - row);
            Span<Quad> piece = quads.AsSpan(0, (int)(count * rowQuads));
            Span<ushort> scales = factors.AsSpan(0, (int)(count * rowFactors));
            piece.Clear();
            layout.Arrange(
                new ReadOnlySpan<byte>(stored.Row(row), checked((int)(count * stored.BytesPerRow))), count,
                System.Runtime.InteropServices.MemoryMarshal.AsBytes(piece), scales);
            _quads.Write(piece, row * rowQuads);
            _factors.Write(scales, row * rowFactors);
        }
    }

    private static DeviceBuffer<Quad> Vector(DeviceMemory memory, WeightTensor stored)
    {
        float[] floats = new float[4 * VectorQuads(stored.Columns)];
        fixed (float* numbers = floats)
            NumberFormat<SimdScalar, float>.Widen(stored.Type, stored.Row(0), numbers, stored.Columns);
        DeviceBuffer<Quad> vector = memory.Allocate<Quad>(floats.Length / 4);
        vector.Write(System.Runtime.InteropServices.MemoryMarshal.Cast<float, Quad>(floats));
        return vector;
    }
}
