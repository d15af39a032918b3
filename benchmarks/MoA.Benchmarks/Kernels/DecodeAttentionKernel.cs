using MoA.Benchmarks.Limits;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Benchmarks.Kernels;

/// <summary>
/// Attention of one new token over a long filled cache; a call runs all layers, so that the rows are never in the
/// processor's caches from the call before.
/// </summary>
internal sealed class DecodeAttentionKernel : Kernel
{
    /// <summary>Query heads for each KV head that are measured.</summary>
    public static readonly int[] Groups = [1, 4, 8];

    private const int KeyValueHeads = 8;
    private const int Length = 8192;

    private readonly Machine _machine;
    private readonly SharedMemory _memory;
    private readonly ElementType _type;
    private readonly ModelConfig _config;
    private readonly AttentionWork _work;
    private SequenceCache? _cache;
    private Tensor? _queries;
    private Tensor? _keys;
    private Tensor? _outputs;

    public DecodeAttentionKernel(Machine machine, SharedMemory memory, ElementType type, int headSize, int group)
        : base($"decode attention {type.Name()} d{headSize} g{group}", Limit.Bandwidth)
    {
        _machine = machine;
        _memory = memory;
        _type = type;
        ModelConfig oneLayer = AttentionShapes.Config(layers: 1, KeyValueHeads, group, headSize);
        long layerBytes = SequenceCache.EstimateBytes(oneLayer, new Engine.Attention.DensePolicy(), Length, type);
        _config = AttentionShapes.Config((int)((SharedMemory.WorkingSetBytes + layerBytes - 1) / layerBytes), KeyValueHeads, group, headSize);
        _work = new AttentionWork(_config);
    }

    // A multiply-add for each component of the key, and one for each of the value.
    public override double Flops => 4.0 * _config.Layers * _config.QueryHeads * _config.HeadSize * (Length + 1);

    public override double Bytes => _cache!.Bytes;

    protected override void Allocate()
    {
        _cache = _memory.Cache(_type, _config, Groups.Max(), Length);
        _work.Add(_cache, 1, AttentionMode.Decode);
        _queries = Activations.Random(_machine.Backend, 1, _config.QueryHeads * _config.HeadSize);
        _keys = Activations.Random(_machine.Backend, 1, KeyValueHeads * _config.HeadSize);
        _outputs = _machine.Backend.Allocate(1, _config.QueryHeads * _config.HeadSize);
    }

    protected override void Run()
    {
        for (int layer = 0; layer < _config.Layers; layer++)
            _machine.Backend.Attend(_work, layer, _queries!, _keys!, _keys!, _outputs!);
    }

    protected override void Dispose(bool disposing)
    {
        _queries?.Dispose();
        _keys?.Dispose();
        _outputs?.Dispose();
    }
}
