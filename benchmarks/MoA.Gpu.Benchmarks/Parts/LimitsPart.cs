using ILGPU;
using MoA.Engine.Attention;
using MoA.Engine.Numerics;
using MoA.Gpu.Blas;
using MoA.Gpu.Caches;
using MoA.Gpu.Cuda;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;
using MoA.Gpu.Weights;

namespace MoA.Gpu.Benchmarks.Parts;

/// <summary>The card's own limits, and the share of them that kernels reach by themselves.</summary>
internal sealed class LimitsPart(PartScope scope, GpuBackend backend, CardSizes sizes)
{
    private readonly DeviceSession _session = backend.Session;
    private readonly DeviceMemory _memory = backend.Memory;
    private double _copy, _matrix;

    public void Run()
    {
        scope.Guard("copying", () => scope.Row("copying", ("copyBytesPerSecond", _copy = backend.Gauge.CopyBandwidth())));
        using (CublasProduct? cublas = Cublas())
        {
            TensorCoreProduct? own = TensorCoreProduct.CanRun(_session) ? new TensorCoreProduct(_session) : null;
            foreach ((int rows, int outputs, int inputs) in sizes.Products)
                scope.Guard($"product {rows} x {outputs} x {inputs}", () => Product(new ProductShape(rows, outputs, inputs), cublas, own));
        }

        foreach ((int rows, int heads) in sizes.DecodeAttention)
        {
            (ElementType, int)[] kinds = [(ElementType.BF16, 1), (ElementType.BF16, 4), (ElementType.Q8_0, 1), (ElementType.Q8_0, 4)];
            foreach ((ElementType type, int group) in _session.Cuda is null ? kinds[..1] : kinds)
                scope.Guard($"decode attention in {type.Name()}, {rows} tokens, groups of {group}", () => Decode(type, rows, heads / group, group));
        }

        int blocks = sizes.PrefillTokens / ElasticRule.BlockSize;
        scope.Guard("prefill attention, dense", () => Prefill(0, sizes.PrefillTokens, blocks));
        scope.Guard("prefill attention, a quarter", () => Prefill(0, sizes.PrefillTokens, Math.Max(1, blocks / 4)));
        scope.Guard("prefill attention of a last piece", () => Prefill(sizes.PrefillTokens * 3 / 4, sizes.PrefillTokens / 4, Math.Max(1, blocks / 2)));
    }

    private CublasProduct? Cublas()
    {
        CublasProduct? cublas = null;
        scope.Guard("cuBLAS", () =>
        {
            if (CublasProduct.TryOpen(_session, _memory, out cublas, out string? whyNot))
                scope.Row("cuBLAS", ("source", cublas.Source));
            else
                scope.Skip("cuBLAS", whyNot);
        });
        return cublas;
    }

    private void Product(ProductShape shape, CublasProduct? cublas, TensorCoreProduct? own)
    {
        using PlacedWeight inputs = Random(ElementType.BF16, shape.Rows, shape.Inputs), weight = Random(ElementType.BF16, shape.Outputs, shape.Inputs);
        using DeviceBuffer<Quad> results = _memory.AllocateCleared<Quad>(shape.OutputLength / 4);
        double work = 2.0 * shape.Rows * shape.Outputs * shape.Inputs;
        double? library = cublas is null ? null
            : DeviceClock.Seconds(_session, () => cublas.Multiply(shape, inputs.Device.Quads, weight.Device.Quads, results.View, add: false));
        double? ours = own is null ? null
            : DeviceClock.Seconds(_session, () => own.Multiply(shape, inputs.Device.Quads, weight.Device.Quads, results.View, add: false));
        double? best = library is double first && ours is double second ? Math.Min(first, second) : library ?? ours;
        if (best is double seconds)
            _matrix = Math.Max(_matrix, work / seconds);
        scope.Row(
            $"product {shape.Rows} x {shape.Outputs} x {shape.Inputs}", ("cublasFlopsPerSecond", work / library), ("ownFlopsPerSecond", work / ours),
            ("ownShareOfCublas", library / ours), ("weightBytesPerSecond", 2.0 * shape.Outputs * shape.Inputs / best));
    }

    private void Decode(ElementType type, int rows, int heads, int group)
    {
        int size = sizes.HeadSize;
        long each = DeviceCaches.QuadsOf(type, rows, size);
        using PlacedWeight queries = Random(ElementType.F32, heads * group, size);
        using DeviceBuffer<Quad> cache = _memory.Allocate<Quad>(heads * each);
        CacheMemory memory = CacheMemory.Of(cache.View, size);
        CacheBlock[] blocks = [.. Enumerable.Range(0, heads).Select(head => CacheBlock.At(head * each, HeadLayout.Of(rows, int.MaxValue)))];
        DeviceCaches.Fill(_session, type, memory, blocks, rows, seed: 1);
        using DeviceBuffer<int> rings = _memory.Allocate<int>(heads * group);
        rings.Write([.. Enumerable.Repeat(rows, heads * group)]);
        using DecodeWorkList list = new(_memory);
        list.BeginLayer();
        for (int head = 0; head < heads; head++)
        {
            list.Add(new DecodeHead { Block = blocks[head], Head = head, VisibleRing = rows, Rings = head * group, Window = int.MaxValue }, rows);
        }

        list.Upload();
        list.Place(_session, [new DecodeSequence { Position = rows - 1 }]);
        long found = (long)list.MostPieces * group;
        using DeviceBuffer<Quad> partials = _memory.Allocate<Quad>(found * size / 4), outputs = _memory.Allocate<Quad>((long)heads * group * size / 4);
        using DeviceBuffer<float> states = _memory.Allocate<float>(2 * found);
        DecodeArguments arguments = new()
        {
            Memory = memory,
            Items = list.Items(0),
            Pieces = list.Pieces(0),
            VisibleRings = rings.View,
            Queries = queries.Device.Quads,
            Partials = new PartialOutputs { Quads = partials.View, States = states.View, HeadQuads = size / 4 },
            Outputs = outputs.View,
            KeyValueHeads = heads,
            Group = group,
            Scale = 1.44269504f / MathF.Sqrt(size),
        };
        double bytes = 16.0 * each * heads;
        double portable = DeviceClock.Seconds(_session, () => DeviceAttention.Decode(_session, type, arguments));
        double? tensor = TensorCoreDecode.CanRun(_session, type, size)
            ? DeviceClock.Seconds(_session, () => TensorCoreDecode.Run(_session, type, arguments))
            : null;
        scope.Row(
            $"decode attention in {type.Name()}, {rows} tokens, groups of {group}", ("heads", heads), ("portableBytesPerSecond", bytes / portable),
            ("bytesPerSecond", bytes / (tensor ?? portable)), ("shareOfCopying", bytes / (tensor ?? portable) / _copy), ("target", 0.8));
    }

    private void Prefill(int length, int rows, int blocks)
    {
        int heads = sizes.PrefillHeads, size = sizes.HeadSize;
        AttentionShape shape = new(size, heads, 1, [blocks], length, rows, null);
        using CheckInputs inputs = new(_session, _memory, seed: 1);
        bool onTensorCores = TensorCorePrefill.CanRun(_session, ElementType.BF16, size);
        PrefillArguments arguments = shape.Prefill(inputs, onTensorCores ? TensorCorePrefill.TileRows(1) : DeviceAttention.PrefillRows);
        double work = 4.0 * size * heads * Enumerable.Range(length, rows).Sum(position => (double)Seen(position, blocks));
        ArrayView<Quad> scratch = onTensorCores ? inputs.Room<Quad>(TensorCorePrefill.ScratchQuads(arguments)) : default;
        double seconds = DeviceClock.Seconds(_session, () =>
        {
            if (onTensorCores)
                TensorCorePrefill.Run(_session, arguments, scratch);
            else
                DeviceAttention.Prefill(_session, ElementType.BF16, arguments);
        });
        scope.Row(
            $"prefill attention, {length} + {rows} tokens, {blocks} blocks", ("flopsPerSecond", work / seconds),
            ("shareOfMatrixRate", _matrix > 0 ? work / seconds / _matrix : null), ("target", 0.5));
    }

    // Positions that a row sees: the sink block, and as many blocks as are its own and before.
    private static int Seen(int position, int blocks)
    {
        int band = (position / ElasticRule.BlockSize - blocks + 1) * ElasticRule.BlockSize;
        return band <= ElasticRule.SinkTokens ? position + 1 : position + 1 - band + ElasticRule.SinkTokens;
    }

    private unsafe PlacedWeight Random(ElementType type, int rows, int columns) => new(
        _session, _memory, new WeightTensor("random", type, rows, columns, null) { Random = new RandomContent((ulong)rows, 1) });
}
