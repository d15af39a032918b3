using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Caches;

/// <summary>
/// Rows on a device where positions alone decide which stay; what looks into rows' content keeps them in the processor's memory
/// and attends there.
/// </summary>
internal sealed class DeviceCacheMemory(DeviceSession session, DeviceMemory memory, NativeAllocator allocator) : ICacheMemory, IDisposable
{
    private readonly HostCacheMemory _host = new(allocator);

    public DeviceSession Session { get; } = session;

    public DeviceMemory Memory { get; } = memory;

    public CacheSpace Space { get; } = new(session.Accelerator);

    public NativeAllocator Allocator => _host.Allocator;

    /// <summary>All rows of heads of some size.</summary>
    public CacheMemory View(int headSize) => CacheMemory.Of(Space.Quads, headSize);

    public void CheckRoom(long bytes, int capacity, in RowsShape shape)
    {
        if (shape.Choice != RowChoice.ByPosition)
        {
            _host.CheckRoom(bytes, capacity, shape);
            return;
        }

        DeviceAttention.Check(shape.Type, shape.HeadSize);
        Memory.CheckRoom(
            bytes, $"KV caches for {capacity} tokens", "ask for fewer tokens or sequences, caches in q8_0, or a plan that keeps less");
    }

    public long BytesOf(in RowsShape shape, ReadOnlySpan<HeadLayout> layouts) =>
        shape.Choice == RowChoice.ByPosition ? DeviceRows.BytesOf(shape, layouts) : _host.BytesOf(shape, layouts);

    public SequenceRows Create(in RowsShape shape, ReadOnlySpan<HeadLayout> layouts)
    {
        if (shape.Choice != RowChoice.ByPosition)
            return _host.Create(shape, layouts);
        foreach (HeadLayout layout in layouts)
        {
            if (layout.Sink != ElasticRule.SinkTokens)
            {
                throw new InvalidInputException(
                    $"the plan counts in blocks of {layout.Sink} tokens, the device in {ElasticRule.BlockSize}; use --device cpu, or search a plan with --block {ElasticRule.BlockSize}");
            }
        }

        return new DeviceRows(this, shape, layouts);
    }

    public void Dispose() => Space.Dispose();
}
