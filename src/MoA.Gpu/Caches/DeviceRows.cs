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

    public DeviceRows(DeviceCacheMemory owner, in RowsShape shape, ReadOnlySpan<int> ringRows)
    {
        _owner = owner;
        _shape = shape;
        _heads = new DeviceRing[ringRows.Length];
        for (int i = 0; i < _heads.Length; i++)
            _heads[i] = new DeviceRing(ringRows[i]);
        _memory = owner.Memory.Allocate<Quad>(ringRows.ToArray().Sum(QuadsOf));
        Place(_memory);
    }

    /// <summary>Whose memory it is.</summary>
    public DeviceCacheMemory Owner => _owner;

    public override ReadOnlySpan<HeadRing> Heads => _heads;

    public override long Bytes => _memory.Bytes;

    /// <summary>A head's rows.</summary>
    public DeviceRing Head(int index) => _heads[index];

    public override void Grow(ReadOnlySpan<int> ringRows, int length)
    {
        bool grows = false;
        int[] grown = new int[_heads.Length];
        for (int i = 0; i < grown.Length; i++)
        {
            grown[i] = Math.Max(ringRows[i], _heads[i].RingRows);
            grows |= grown[i] > _heads[i].RingRows;
        }

        if (!grows)
            return;
        DeviceBuffer<Quad> old = _memory, memory = _owner.Memory.Allocate<Quad>(grown.Sum(QuadsOf));
        BlockMove[] moves = new BlockMove[_heads.Length];
        for (int i = 0; i < moves.Length; i++)
        {
            moves[i] = new BlockMove { From = _heads[i].Block, Oldest = _heads[i].OldestInRing(length) };
            _heads[i].GrowTo(grown[i], length);
        }

        _memory = memory;
        Place(memory);
        for (int i = 0; i < moves.Length; i++)
            moves[i].To = _heads[i].Block;
        DeviceCaches.Move(_owner.Session, _owner.Memory, _shape.Type, _owner.View(_shape.HeadSize), moves, length);
        old.Dispose();
    }

    public override void FillRandom(int length, ulong seed) => DeviceCaches.Fill(
        _owner.Session, _shape.Type, _owner.View(_shape.HeadSize), [.. _heads.Select(head => head.Block)], length, seed);

    public override void Dispose() => _memory.Dispose();

    private void Place(DeviceBuffer<Quad> memory)
    {
        long at = memory.Address / 16;
        foreach (DeviceRing head in _heads)
        {
            head.Start = at;
            at += QuadsOf(head.RingRows);
        }
    }

    private long QuadsOf(int ringRows) => DeviceCaches.QuadsOf(_shape.Type, ElasticRule.SinkTokens + ringRows, _shape.HeadSize);
}
