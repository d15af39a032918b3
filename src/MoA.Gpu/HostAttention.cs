using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Gpu.Device;

namespace MoA.Gpu;

/// <summary>
/// Attention on the processor for policies that look into the content of rows: their caches are in its memory; queries, keys and
/// values come from the device, outputs go back.
/// </summary>
internal sealed class HostAttention(ComputeBackend host) : IDisposable
{
    private readonly List<Tensor> _tensors = [];

    /// <summary>Threads of the processor.</summary>
    public int Threads => host.Threads;

    /// <summary>Refuses a batch in which only some caches are in the processor's memory.</summary>
    /// <exception cref="InvalidOperationException">It mixes both.</exception>
    public static void Check(AttentionWork work)
    {
        for (int i = 0; i < work.SegmentCount; i++)
        {
            if (work.Segments[i].Cache.Rows is Caches.DeviceRows)
            {
                throw new InvalidOperationException(
                    "Sequences whose policy looks into rows and others cannot stand in one batch on a device.");
            }
        }
    }

    public void Attend(
        AttentionWork work, int layer, Tensor queries, Tensor keys, Tensor values, Tensor outputs, in AttentionTraits traits)
    {
        int rows = work.Rows;
        Tensor q = Copy(0, queries, rows), k = Copy(1, keys, rows), v = Copy(2, values, rows), o = Room(3, outputs, rows);
        host.Attend(work, layer, q, k, v, o, traits);
        unsafe
        {
            DeviceTensor.Of(outputs).Write(new ReadOnlySpan<float>(o.Data, rows * o.Columns), rows);
        }
    }

    public void Dispose()
    {
        foreach (Tensor tensor in _tensors)
            tensor.Dispose();
        host.Dispose();
    }

    private unsafe Tensor Copy(int index, Tensor tensor, int rows)
    {
        Tensor copy = Room(index, tensor, rows);
        DeviceTensor.Of(tensor).Read(rows, new Span<float>(copy.Data, rows * copy.Columns));
        return copy;
    }

    private Tensor Room(int index, Tensor like, int rows)
    {
        if (index == _tensors.Count)
            _tensors.Add(host.Allocate(rows, like.Columns));
        if (_tensors[index].Rows < rows || _tensors[index].Columns != like.Columns)
        {
            _tensors[index].Dispose();
            _tensors[index] = host.Allocate(rows, like.Columns);
        }

        return _tensors[index];
    }
}
