using ILGPU;
using MoA.Gpu.Weights;

namespace MoA.Gpu.Kernels;

/// <summary>Makes neighbouring rows of a weight bfloat16 numbers, rounded, eight to a quad. A thread a part of a row.</summary>
internal struct WidenRows<TFormat> : IDeviceKernel
    where TFormat : struct, IDeviceFormat
{
    public DeviceWeight Weight;

    /// <summary>The first row.</summary>
    public int First;

    public int Rows;

    /// <summary>[Rows, row's quads]; rows are padded to whole octets.</summary>
    public ArrayView<Quad> Y;

    /// <summary>Threads of a launch.</summary>
    public readonly long Threads => (long)Rows * Parts;

    private readonly int Parts => Weight.BlocksPerRow * TFormat.PartsPerBlock;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int parts = Parts, row = Kernels.Threads.Index / parts;
        if (row >= Rows)
            return;
        Row sink = new() { Y = Y, First = row * (Y.Length / Rows) };
        TFormat.Read(Weight, First + row, Kernels.Threads.Index % parts, ref sink);
    }

    private struct Row : IOctetSink
    {
        public ArrayView<Quad> Y;

        public long First;

        public readonly void Take(Octet numbers, int octet) => Y[First + octet] = numbers.ToBF16();
    }
}
