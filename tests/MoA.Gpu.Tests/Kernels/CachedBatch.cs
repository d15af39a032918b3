using ILGPU;
using MoA.Engine.Attention;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;
using MoA.Gpu.Caches;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Tests.Kernels;

/// <summary>
/// One layer's caches of several sequences of unequal length, on the device, filled by <see cref="CacheWrite{TFormat}"/>.
/// Rows never written are not numbers.
/// </summary>
internal sealed class CachedBatch
{
    private readonly Emulated _device;
    private readonly ElementType _type;

    /// <param name="device">Device.</param>
    /// <param name="type">The caches' format.</param>
    /// <param name="sequences">Rows of each sequence, already rounded to the format.</param>
    /// <param name="layouts">[KV heads] of every sequence.</param>
    public CachedBatch(Emulated device, ElementType type, HeadRows[] sequences, HeadLayout[] layouts)
    {
        _device = device;
        _type = type;
        Sequences = sequences;
        int size = sequences[0].HeadSize;
        long quads = 0;
        Blocks = new CacheBlock[sequences.Length * layouts.Length];
        for (int i = 0; i < Blocks.Length; i++)
        {
            Blocks[i] = CacheBlock.At(quads, layouts[i % layouts.Length]);
            int rows = Blocks[i].Rows;
            quads += type == ElementType.BF16 ? CachedBF16.QuadsOf(rows, size) : CachedQ8.QuadsOf(rows, size);
        }

        uint[] garbage = new uint[4 * quads];
        garbage.AsSpan().Fill(uint.MaxValue);
        Memory = CacheMemory.Of(device.Copy(garbage).Cast<Quad>(), size);
    }

    public HeadRows[] Sequences { get; }

    /// <summary>[sequences, KV heads].</summary>
    public CacheBlock[] Blocks { get; }

    public CacheMemory Memory { get; }

    /// <summary>Writes positions [from, to) of a sequence as one piece.</summary>
    public void Write(int sequence, int from, int to)
    {
        if (to == from)
            return;
        HeadRows rows = Sequences[sequence];
        int columns = rows.KeyValueHeads * rows.HeadSize;
        NewRow[] places = [.. Enumerable.Range(from, to - from).Select(position =>
            new NewRow { Segment = sequence, Row = position - from, Position = position, End = to })];
        ArrayView<Quad> keys = _device.Rows(rows.Keys[(from * columns)..(to * columns)], columns);
        ArrayView<Quad> values = _device.Rows(rows.Values[(from * columns)..(to * columns)], columns);
        DeviceCaches.Write(_device.Session, _type, new CacheWriteArguments
        {
            Memory = Memory,
            Blocks = _device.Copy(Blocks),
            Rows = _device.Copy(places),
            Keys = keys,
            Values = values,
            Heads = rows.KeyValueHeads,
        });
    }
}
