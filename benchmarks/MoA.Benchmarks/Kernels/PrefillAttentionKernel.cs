using MoA.Benchmarks.Limits;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Benchmarks.Kernels;

/// <summary>
/// Attention of the last chunk of a long prompt. Counts only the visible pairs of query and key; nearly all blocks lie
/// fully below the diagonal.
/// </summary>
internal sealed class PrefillAttentionKernel : Kernel
{
    private const int QueryHeads = 8;
    private const int Rows = 512;
    private const int Length = 8192;
    private const int Block = ElasticRule.BlockSize;

    private readonly Machine _machine;
    private readonly SharedMemory _memory;
    private readonly ElementType _type;
    private readonly ModelConfig _config;
    private readonly ElasticRule _rule;
    private readonly AttentionWork _work;
    private SequenceCache? _cache;
    private Tensor? _queries;
    private Tensor? _keys;
    private Tensor? _outputs;

    /// <param name="machine">Where it runs.</param>
    /// <param name="memory">Numbers for the cache.</param>
    /// <param name="type">Format of the cache.</param>
    /// <param name="headSize">Components of a head.</param>
    /// <param name="group">Query heads for each KV head.</param>
    /// <param name="share">Share of the length that every head keeps, 1 for all.</param>
    public PrefillAttentionKernel(Machine machine, SharedMemory memory, ElementType type, int headSize, int group, double share)
        : base(
            $"{(share < 1 ? $"sparse prefill {100 * share:F0}%" : "prefill")} attention {type.Name()} d{headSize} g{group}",
            Limit.MultiplyAdd)
    {
        _machine = machine;
        _memory = memory;
        _type = type;
        _config = AttentionShapes.Config(layers: 1, QueryHeads / group, group, headSize);
        _rule = new ElasticRule(0, share);
        _work = new AttentionWork(_config);
        for (int position = Length - Rows; position < Length; position++)
        {
            int keyBlocks = KeyBlocks(position / Block);
            Flops += 4.0 * QueryHeads * headSize * ((keyBlocks - 1) * Block + position % Block + 1);
            Blocks += QueryHeads * keyBlocks / (double)Block;
        }
    }

    public override double Flops { get; }

    public override double Blocks { get; }

    public override double Bytes => _cache!.Bytes;

    protected override void Allocate()
    {
        _cache = _memory.FilledCache(_type, _config, new StreamingLlmPolicy(_rule), Length - Rows, Length);
        _work.Add(_cache, Rows, AttentionMode.Prefill);
        _queries = Activations.Random(_machine.Backend, Rows, QueryHeads * _config.HeadSize);
        _keys = Activations.Random(_machine.Backend, Rows, _config.KeyValueHeads * _config.HeadSize);
        _outputs = _machine.Backend.Allocate(Rows, QueryHeads * _config.HeadSize);
    }

    protected override void Run() => _machine.Backend.Attend(_work, 0, _queries!, _keys!, _keys!, _outputs!);

    protected override void Dispose(bool disposing)
    {
        _cache?.Dispose();
        _queries?.Dispose();
        _keys?.Dispose();
        _outputs?.Dispose();
    }

    // The sink's block and the ring's, the query's own among them.
    private int KeyBlocks(int queryBlock) => Math.Min(queryBlock + 1, _rule.Rows(Length) / Block);
}
