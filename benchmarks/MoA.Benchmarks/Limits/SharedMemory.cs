using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.KvCache;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;

namespace MoA.Benchmarks.Limits;

/// <summary>
/// Random numbers in every format that is asked for: a large block each, from which weights are cut, and filled KV caches.
/// Kernels of one format share them, since memory for each kernel would not fit; every kernel reads far more than the
/// processor's caches hold. No kernel reads another format's bits: what is no number there, or no usual one, costs other
/// time than numbers do.
/// </summary>
internal sealed unsafe class SharedMemory : IDisposable
{
    /// <summary>What a kernel that is bound by bandwidth should at least read before it comes to the same bytes again.</summary>
    public const long WorkingSetBytes = 256L << 20;

    // Every format's blocks divide it.
    private const int Columns = 256;

    private readonly NativeAllocator _allocator = new();
    private readonly long _blockBytes;
    private readonly Dictionary<ElementType, NativeBuffer<byte>> _blocks = [];
    private readonly Dictionary<(ElementType Type, int HeadSize), SequenceCache> _caches = [];

    /// <summary>Draws nothing yet.</summary>
    /// <param name="blockBytes">
    /// Bytes of each format's block: by default half more than the working set, so that as many matrices of any shape as fit
    /// make one.
    /// </param>
    public SharedMemory(long blockBytes = WorkingSetBytes / 2 * 3) => _blockBytes = blockBytes;

    /// <summary>Floats to read.</summary>
    public ReadOnlySpan<float> Floats => new(Block(ElementType.F32).Data, (int)(Block(ElementType.F32).Bytes / sizeof(float)));

    /// <summary>As many matrices of one shape and format as the block holds, at least one.</summary>
    public WeightTensor[] Weights(ElementType type, int outputs, int inputs)
    {
        NativeBuffer<byte> block = Block(type);
        long bytes = outputs * type.RowBytes(inputs), unit = NativeAllocator.Alignment * (long)type.BytesPerBlock();
        long stride = (bytes + unit - 1) / unit * unit; // a whole number of the format's blocks, else scales become quants
        if (bytes > block.Bytes)
            throw new ArgumentException($"A matrix of {bytes} bytes is larger than the block of {block.Bytes}.", nameof(outputs));
        WeightTensor[] weights = new WeightTensor[(block.Bytes - bytes) / stride + 1];
        for (int i = 0; i < weights.Length; i++)
            weights[i] = new WeightTensor($"weight {i}", type, outputs, inputs, block.Data + i * stride);
        return weights;
    }

    /// <summary>
    /// A filled cache with room for one more token. All its heads see all rows, so kernels may run it with any group of up to
    /// <paramref name="largestGroup"/> query heads for each KV head.
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
        cache.FillRandom(length, seed: 1);
        return cache;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SequenceCache cache in _caches.Values)
            cache.Dispose();
        foreach (NativeBuffer<byte> block in _blocks.Values)
            block.Dispose();
    }

    private NativeBuffer<byte> Block(ElementType type)
    {
        if (!_blocks.TryGetValue(type, out NativeBuffer<byte>? block))
        {
            int rows = (int)(_blockBytes / type.RowBytes(Columns));
            block = new NativeBuffer<byte>(_allocator, rows * type.RowBytes(Columns));
            using UnmanagedMemoryStream stream = new(block.Data, 0, block.Bytes, FileAccess.Write);
            new RandomWeights(1, new ParallelOptions()).Matrix(type, rows, Columns)(stream);
            _blocks.Add(type, block);
        }

        return block;
    }
}
