using ILGPU.Runtime;
using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Caches;

/// <summary>The rows of one sequence on a device: one piece of memory, in which each layer and KV head has its block.</summary>
internal sealed class DeviceRows : SequenceRows
{
    private readonly DeviceCacheMemory _owner;
    private readonly RowsShape _shape;
    private readonly DeviceRing[] _heads;
    private DeviceBuffer<Quad> _memory;

    public DeviceRows(DeviceCacheMemory owner, in RowsShape shape, ReadOnlySpan<HeadLayout> layouts)
    {
        _owner = owner;
        _shape = shape;
        _heads = new DeviceRing[layouts.Length];
        for (int i = 0; i < _heads.Length; i++)
            _heads[i] = new DeviceRing(layouts[i]);
        _memory = owner.Memory.Allocate<Quad>(BytesOf(shape, layouts) / 16);
        Place(_memory);
    }

    /// <summary>Whose memory it is.</summary>
    public DeviceCacheMemory Owner => _owner;

    public override ReadOnlySpan<HeadRing> Heads => _heads;

    public override long Bytes => _memory.Bytes;

    /// <summary>Bytes of rows in some layouts.</summary>
    public static long BytesOf(in RowsShape shape, ReadOnlySpan<HeadLayout> layouts)
    {
        long quads = 0;
        foreach (HeadLayout layout in layouts)
            quads += DeviceCaches.QuadsOf(shape.Type, layout.Rows, shape.HeadSize);
        return 16 * quads;
    }

    /// <summary>A head's rows.</summary>
    public DeviceRing Head(int index) => _heads[index];

    public override void Grow(ReadOnlySpan<HeadLayout> layouts, int length)
    {
        HeadLayout[] grown = Grown(layouts);
        if (_heads.Select(head => head.Layout).SequenceEqual(grown))
            return;
        DeviceBuffer<Quad> old = _memory, memory = _owner.Memory.Allocate<Quad>(BytesOf(_shape, grown) / 16);
        BlockMove[] moves = new BlockMove[_heads.Length];
        for (int i = 0; i < moves.Length; i++)
        {
            CacheBlock from = _heads[i].Block;
            _heads[i].Adopt(_heads[i].State.In(grown[i], length));
            moves[i] = new BlockMove { From = from, OldestInSink = _heads[i].OldestInSink(length), Oldest = _heads[i].OldestInRing(length) };
        }

        _memory = memory;
        Place(memory);
        for (int i = 0; i < moves.Length; i++)
            moves[i].To = _heads[i].Block;
        DeviceCaches.Move(_owner.Session, _owner.Memory, _shape.Type, _owner.View(_shape.HeadSize), moves, length);
        old.Dispose();
    }

    public override void CopyFrom(SequenceRows source, ReadOnlySpan<RingState> states, int length)
    {
        BlockMove[] moves = new BlockMove[_heads.Length];
        for (int i = 0; i < moves.Length; i++)
        {
            _heads[i].Adopt(states[i]);
            moves[i] = new BlockMove
            {
                From = ((DeviceRows)source)._heads[i].Block,
                To = _heads[i].Block,
                OldestInSink = _heads[i].OldestInSink(length),
                Oldest = _heads[i].OldestInRing(length),
            };
        }

        DeviceCaches.Move(_owner.Session, _owner.Memory, _shape.Type, _owner.View(_shape.HeadSize), moves, length);
    }

    // The new piece of memory stands beside the old one.
    public override long PeakOfGrowing(ReadOnlySpan<HeadLayout> layouts)
    {
        HeadLayout[] grown = Grown(layouts);
        return _heads.Select(head => head.Layout).SequenceEqual(grown) ? Bytes : Bytes + BytesOf(_shape, grown);
    }

    public override void FillRandom(int length, ulong seed) => DeviceCaches.Fill(
        _owner.Session, _shape.Type, _owner.View(_shape.HeadSize), [.. _heads.Select(head => head.Block)], length, seed);

    public override void Dispose() => _memory.Dispose();

    private HeadLayout[] Grown(ReadOnlySpan<HeadLayout> layouts)
    {
        HeadLayout[] grown = layouts.ToArray();
        for (int i = 0; i < grown.Length; i++)
        {
            if (grown[i].Rows <= _heads[i].Rows)
                grown[i] = _heads[i].Layout;
        }

        return grown;
    }

    private void Place(DeviceBuffer<Quad> memory)
    {
        long at = memory.Address / 16;
        foreach (DeviceRing head in _heads)
        {
            head.Start = at;
            at += QuadsOf(head.Layout);
        }
    }

    private long QuadsOf(HeadLayout layout) => DeviceCaches.QuadsOf(_shape.Type, layout.Rows, _shape.HeadSize);
}
