using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Benchmarks.Limits;

/// <summary>
/// One large block of numbers from which weights of all formats are cut, and filled KV caches. Kernels share them, since
/// memory for each would not fit; every kernel reads far more than the processor's caches hold.
/// </summary>
internal sealed unsafe class SharedMemory : IDisposable
{
    /// <summary>What a kernel that is bound by bandwidth should at least read before it comes to the same bytes again.</summary>
    public const long WorkingSetBytes = 256L << 20;

    private readonly NativeAllocator _allocator = new();
    private readonly NativeBuffer<ushort> _numbers;
    private readonly Dictionary<(ElementType Type, int HeadSize), SequenceCache> _caches = [];

    /// <summary>
    /// Fills the block so that each 16-bit word is a small normal number as binary16, as bfloat16 and as the upper half of
    /// a binary32: then any cut of it is a valid weight in any format, the scales of quantised blocks included.
    /// </summary>
    public SharedMemory()
    {
        _numbers = new NativeBuffer<ushort>(_allocator, 2 * WorkingSetBytes / sizeof(ushort));
        uint state = 1;
        Span<ushort> first = _numbers.AsSpan(0, 1 << 20);
        for (int i = 0; i < first.Length; i++)
        {
            state = state * 1664525 + 1013904223;
            first[i] = (ushort)(0x2C00 | (state >> 22) | ((state >> 6) & 0x8000));
        }

        for (long at = first.Length; at < _numbers.Length; at += first.Length)
            first.CopyTo(_numbers.AsSpan(at, first.Length));
    }

    /// <summary>The block, 512 MiB.</summary>
    public void* Data => _numbers.Data;

    public long Bytes => _numbers.Bytes;

    /// <summary>Matrices of one shape and format that together fill <see cref="WorkingSetBytes"/> or more.</summary>
    public WeightTensor[] Weights(ElementType type, int outputs, int inputs)
    {
        long bytes = new WeightTensor("weight", type, outputs, inputs, Data).Bytes;
        long stride = (bytes + NativeAllocator.Alignment - 1) / NativeAllocator.Alignment * NativeAllocator.Alignment;
        long count = Math.Min((WorkingSetBytes + stride - 1) / stride, Bytes / stride);
        WeightTensor[] weights = new WeightTensor[count];
        for (int i = 0; i < weights.Length; i++)
            weights[i] = new WeightTensor($"weight {i}", type, outputs, inputs, (byte*)Data + i * stride);
        return weights;
    }

    /// <summary>
    /// A filled cache of <see cref="WorkingSetBytes"/> or more, with room for one more token. All its heads see all rows,
    /// so kernels may run it with any group of up to <paramref name="largestGroup"/> query heads for each KV head.
    /// </summary>
    public SequenceCache Cache(ElementType type, ModelConfig config, int largestGroup, int length)
    {
        if (!_caches.TryGetValue((type, config.HeadSize), out SequenceCache? cache))
        {
            ModelConfig widest = config with { QueryHeads = config.KeyValueHeads * largestGroup };
            cache = FilledCache(type, widest, new DensePolicy(), length, length + 1);
            _caches.Add((type, config.HeadSize), cache);
        }

        return cache;
    }

    /// <summary>A cache that holds <paramref name="length"/> tokens of a sequence; the caller's to dispose of.</summary>
    public SequenceCache FilledCache(ElementType type, ModelConfig config, AttentionPolicy policy, int length, int capacity)
    {
        SequenceCache cache = new(config, policy, capacity, type, _allocator);
        for (int i = 0; i < config.Layers * config.KeyValueHeads; i++)
        {
            HeadCache head = cache.Head(i / config.KeyValueHeads, i % config.KeyValueHeads);
            Buffer.MemoryCopy(Data, head.Keys, head.Bytes, head.Bytes);
        }

        cache.Advance(length);
        return cache;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SequenceCache cache in _caches.Values)
            cache.Dispose();
        _numbers.Dispose();
    }
}
