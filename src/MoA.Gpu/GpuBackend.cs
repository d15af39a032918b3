using ILGPU;
using ILGPU.Runtime;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Kernels.Gradients;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Gpu.Caches;
using MoA.Gpu.Cuda;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;
using MoA.Gpu.Weights;

namespace MoA.Gpu;

/// <summary>
/// The operations of a transformer on a GPU. Launches follow each other in order and run behind the caller; copying to and from the device waits.
/// Policies that look into the content of rows keep their caches in the processor's memory, and attend there.
/// </summary>
public sealed class GpuBackend : ComputeBackend
{
    // Rows of a prompt that the portable attention kernel takes at a time.
    private const int PortableTileRows = 4;

    private readonly DeviceSession _session;
    private readonly DeviceMemory _memory;
    private readonly GpuGauge _gauge;
    private readonly DeviceCacheMemory _caches;
    private readonly BatchTables _tables;
    private readonly HostAttention _host;
    private readonly DeviceAngles _angles;
    private readonly DeviceSampling _sampling;
    private readonly DeviceList<int> _tokens, _rows;
    private readonly DeviceScratch<Quad> _scratch;
    private readonly DeviceScratch<float> _states;
    private readonly DeviceProducts _products;

    /// <summary>Runs on an opened device, which becomes the backend's, as does the processor's backend.</summary>
    internal GpuBackend(DeviceSession session, ComputeBackend host, long? memoryLimit = null)
        : base(host.Allocator)
    {
        _session = session;
        _memory = new DeviceMemory(session, memoryLimit);
        _gauge = new GpuGauge(session, _memory);
        _caches = new DeviceCacheMemory(session, _memory, host.Allocator);
        _tables = new BatchTables(session, _memory);
        _products = new DeviceProducts(session, _memory);
        _scratch = new DeviceScratch<Quad>(_memory);
        _states = new DeviceScratch<float>(_memory);
        _host = new HostAttention(host);
        _angles = new DeviceAngles(session, _memory);
        _sampling = new DeviceSampling(session, _memory);
        _tokens = new DeviceList<int>(_memory);
        _rows = new DeviceList<int>(_memory);
    }

    /// <inheritdoc/>
    public override long AllocatedBytes => _memory.AllocatedBytes;

    /// <inheritdoc/>
    public override long PeakBytes => _memory.PeakBytes;

    /// <inheritdoc/>
    public override int Threads => _host.Threads;

    /// <inheritdoc/>
    internal override string Arithmetic => $"{_session.Device.Name}, {_products.Description}";

    /// <inheritdoc/>
    public override string Description => $"{_session.Device.Name} ({_session.Device.Id}), {_products.Description}";

    /// <inheritdoc/>
    internal override DeviceGauge Gauge => _gauge;

    /// <summary>The device, for what measures its kernels by themselves.</summary>
    internal DeviceSession Session => _session;

    /// <summary>The device's memory.</summary>
    internal DeviceMemory Memory => _memory;

    internal override ICacheMemory CacheMemory => _caches;

    // Enough that tensor cores are busy; emulated, what the tests of the engine have.
    /// <inheritdoc/>
    internal override int LeastBlock => ElasticRule.BlockSize;

    /// <inheritdoc/>
    internal override bool TakesInfluenceOfPlans => false;

    internal override int PassTokens => _session.Cuda is null ? base.PassTokens : 2048;

    /// <summary>Opens a device.</summary>
    /// <param name="id"><c>cuda</c>, the first one, or <c>cuda:N</c>; <c>emulated</c> for the kernels on the processor, which is slow,
    /// and <c>emulated:4</c> (or 8, 16, 32) with warps of another size than 16.</param>
    /// <param name="threads">Threads of the processor for what it does beside the device; 0 means one for each processor.</param>
    /// <param name="memoryLimit">Bytes of the device's memory that may be taken; null for all that are free.</param>
    /// <exception cref="InvalidInputException">There is no such device, or it cannot be used.</exception>
    public static GpuBackend Open(string id, int threads = 0, long? memoryLimit = null)
    {
        ArgumentNullException.ThrowIfNull(id);
        DeviceSession session = DeviceSession.Open(id);
        ComputeBackend host = CreateCpu(threads);
        try
        {
            return new GpuBackend(session, host, memoryLimit);
        }
        catch
        {
            host.Dispose();
            session.Dispose();
            throw;
        }
    }

    internal override bool ReadsStored => false;

    internal override WeightTensor Place(WeightTensor weight) => new PlacedWeight(_session, _memory, weight);

    internal override void CheckWeights(ModelConfig config, IEnumerable<WeightTensor> weights)
    {
        DeviceModel.Check(Description, config);
        DeviceAttention.CheckHead(_session, config.HeadSize);

        if (weights.FirstOrDefault(weight => !PlacedWeight.Takes(weight.Type)) is WeightTensor other)
        {
            throw new InvalidInputException($"{Description}: tensor {other.Name} is {other.Type}, which runs on the processor only; " +
                "leave --device out, or convert the matrices (--weights q4_k)");
        }

        _memory.CheckRoom(
            weights.Sum(PlacedWeight.BytesOf), "the weights", "use a smaller format (--weights q4_0), a smaller model or another device");
    }

    internal override void CheckRoom(long bytes, string what, string mend) => _memory.CheckRoom(bytes, what, mend);

    internal override long AvailableBytes => _memory.FreeBytes;

    // Of policies that look into rows they are in the processor's memory, of all others in this device's.
    internal override bool Holds(SequenceCache sequence) => sequence.GoesByAttention
        ? sequence.Rows is HostRows
        : sequence.Rows is DeviceRows rows && rows.Owner == _caches;

    internal override void Prepare(AttentionWork work)
    {
        if (work.GoesByAttention)
            HostAttention.Check(work);
        else if (work.Rows > 0)
            _tables.Prepare(work, TileRows(work));
    }

    internal override void Synchronize() => _session.Accelerator.Synchronize();

    internal override void Embed(ReadOnlySpan<int> tokens, WeightTensor embedding, Tensor y)
    {
        PlacedWeight weight = PlacedWeight.Of(embedding);
        DeviceProduct.Embed(_session, weight.Type, weight.Device, _tokens.Upload(tokens), DeviceTensor.Of(y).Quads(tokens.Length));
    }

    internal override void RmsNorm(Tensor x, int rows, WeightTensor weight, float epsilon, Tensor y)
    {
        DeviceTensor from = DeviceTensor.Of(x);
        int perRow = x.Columns / weight.Columns;
        RmsNorm kernel = new()
        {
            X = from.Quads(rows),
            Weight = PlacedWeight.Of(weight).Floats,
            Y = DeviceTensor.Of(y).Quads(rows),
            Rows = rows * perRow,
            Columns = weight.Columns,
            Stride = from.RowQuads / perRow,
            Epsilon = epsilon,
        };
        _session.RunWarps(kernel, kernel.Rows);
    }

    internal override void Project(Tensor x, int rows, WeightTensor weight, WeightTensor? bias, Tensor y, bool accumulate = false)
    {
        DeviceTensor to = DeviceTensor.Of(y);
        _products.Run(PlacedWeight.Of(weight), DeviceTensor.Of(x), rows, to, accumulate);
        if (bias is not null)
            _session.RunThreads(new AddRow { Y = to.Quads(rows), X = PlacedWeight.Of(bias).Floats }, (long)rows * to.RowQuads);
    }

    internal override void RopeAngles(
        ReadOnlySpan<int> positions, ReadOnlySpan<double> frequencies, float factor, Tensor angles, int firstRow = 0) =>
        _angles.Run(positions, frequencies, factor, DeviceTensor.Of(firstRow == 0 ? angles : angles.From(firstRow)));

    internal override void Rope(Tensor x, int rows, int headSize, RopePairs pairs, Tensor angles, bool inverse = false)
    {
        int heads = x.Columns / headSize;
        long threads = (long)rows * heads * (headSize / 8);
        ArrayView<Quad> quads = DeviceTensor.Of(x).Quads(rows), turns = DeviceTensor.Of(angles).Quads(rows);
        float sign = inverse ? -1 : 1;
        if (pairs == RopePairs.Halves)
        {
            _session.RunThreads(
                new Rope<RopeHalves> { X = quads, Angles = turns, Rows = rows, Heads = heads, HeadSize = headSize, Sign = sign }, threads);
        }
        else
        {
            _session.RunThreads(
                new Rope<RopeAdjacent> { X = quads, Angles = turns, Rows = rows, Heads = heads, HeadSize = headSize, Sign = sign }, threads);
        }
    }

    internal override void Activate(Activation activation, Tensor gate, Tensor up, int rows)
    {
        if (activation != Activation.Silu)
            throw Lacks($"the activation {activation}");
        ArrayView<Quad> quads = DeviceTensor.Of(gate).Quads(rows);
        _session.RunThreads(new SwiGlu { Gate = quads, Up = DeviceTensor.Of(up).Quads(rows) }, quads.Length);
    }

    internal override void Scale(Tensor x, int rows, float factor) => throw new NotSupportedException();

    internal override void Add(Tensor x, int rows, float factor, Tensor y) => throw new NotSupportedException();

    internal override void SoftCap(Tensor x, int rows, float cap) => throw new NotSupportedException();

    internal override void Gather(Tensor x, ReadOnlySpan<int> rows, Tensor y)
    {
        DeviceTensor from = DeviceTensor.Of(x);
        GatherRows kernel = new()
        {
            X = from.Quads(from.Rows),
            Rows = _rows.Upload(rows),
            Y = DeviceTensor.Of(y).Quads(rows.Length),
            RowQuads = from.RowQuads,
        };
        _session.RunThreads(kernel, (long)rows.Length * from.RowQuads);
    }

    internal override void Read(Tensor x, int rows, Span<float> numbers) => DeviceTensor.Of(x).Read(rows, numbers);

    internal override void Write(ReadOnlySpan<float> numbers, int rows, Tensor x) => DeviceTensor.Of(x).Write(numbers, rows);

    internal override void Draw(Tensor logits, ReadOnlySpan<TokenDraw> draws, Span<int> tokens) =>
        _sampling.Draw(DeviceTensor.Of(logits), draws, tokens);

    internal override void Attend(
        AttentionWork work, int layer, Tensor queries, Tensor keys, Tensor values, Tensor outputs, in AttentionTraits traits = default)
    {
        if (work.GoesByAttention)
        {
            _host.Attend(work, layer, queries, keys, values, outputs, traits);
            return;
        }

        if (traits.SoftCap > 0)
            throw Lacks("a soft cap on attention's scores");
        if (traits.Sinks is not null)
            throw Lacks("attention with a sink for each head");

        if (work.Rows == 0)
            return;

        ArrayView<Quad> k = DeviceTensor.Of(keys).Quads(work.Rows), v = DeviceTensor.Of(values).Quads(work.Rows);
        CacheMemory memory = _caches.View(work.HeadSize);
        CacheWriteArguments write = new()
        {
            Memory = memory,
            Blocks = _tables.Blocks(layer),
            Rows = _tables.DecodedRows,
            Keys = k,
            Values = v,
            Heads = work.KeyValueHeads,
        };
        if (work.PrefillCount > 0)
        {
            DeviceCaches.Round(_session, _tables.Type, k, work.HeadSize);
            DeviceCaches.Round(_session, _tables.Type, v, work.HeadSize);
        }

        ArrayView<Quad> q = DeviceTensor.Of(queries).Quads(work.Rows), o = DeviceTensor.Of(outputs).Quads(work.Rows);
        if (work.DecodeCount > 0)
        {
            DeviceCaches.Write(_session, _tables.Type, write);
            Decode(work, layer, memory, q, o, traits);
        }

        if (work.PrefillCount > 0)
        {
            Prefill(work, layer, memory, q, k, v, o, traits);
            write.Rows = _tables.PromptRows;
            DeviceCaches.Write(_session, _tables.Type, write);
        }
    }

    internal override GradientKernels CreateGradients(ModelConfig config, int maxTokens)
    {
        DeviceModel.Check(Description, config);
        return new GpuGradientKernels(_session, _memory, _products, config);
    }

    internal override long GradientBytes(ModelConfig config, int maxTokens, long productElements) =>
        GpuGradientKernels.BytesOf(config, maxTokens) + _products.OperandBytes(productElements);

    // Libraries find the device by the thread that calls them.
    private protected override void Enter() => _session.Accelerator.Bind();

    private protected override Tensor CreateTensor(int rows, int columns) => new DeviceTensor(_memory, rows, columns);

    private protected override void Free()
    {
        _session.Accelerator.Synchronize();
        _scratch.Dispose();
        _states.Dispose();
        _products.Dispose();
        _tokens.Dispose();
        _rows.Dispose();
        _angles.Dispose();
        _sampling.Dispose();
        _tables.Dispose();
        _caches.Dispose();
        _host.Dispose();
        _gauge.Dispose();
        _session.Dispose();
    }

    // Of scores, whose softmax is to base 2.
    private static float Scale(in AttentionTraits traits, int headSize) => 1.44269504088896341f * traits.ScaleOf(headSize);

    private InvalidInputException Lacks(string what) =>
        new($"{Description}: {what} runs on the processor only; leave --device out");

    private int TileRows(AttentionWork work) => TensorCorePrefill.CanRun(_session, work.Segments[0].Cache.Type, work.HeadSize)
        ? TensorCorePrefill.TileRows(work.QueryHeads / work.KeyValueHeads)
        : PortableTileRows;

    private void Decode(
        AttentionWork work, int layer, CacheMemory memory, ArrayView<Quad> queries, ArrayView<Quad> outputs, in AttentionTraits traits)
    {
        int group = work.QueryHeads / work.KeyValueHeads, quads = work.HeadSize / 4;
        long partials = (long)_tables.Decode.MostPieces * group;
        DecodeArguments arguments = new()
        {
            Memory = memory,
            Items = _tables.Decode.Items(layer),
            Pieces = _tables.Decode.Pieces(layer),
            VisibleRings = _tables.VisibleRings(layer),
            Queries = queries,
            Partials = new PartialOutputs { Quads = _scratch.Room(partials * quads), States = _states.Room(2 * partials), HeadQuads = quads },
            Outputs = outputs,
            KeyValueHeads = work.KeyValueHeads,
            Group = group,
            Scale = Scale(traits, work.HeadSize),
        };
        if (TensorCoreDecode.CanRun(_session, _tables.Type, work.HeadSize))
            TensorCoreDecode.Run(_session, _tables.Type, arguments);
        else
            DeviceAttention.Decode(_session, _tables.Type, arguments);
    }

    private void Prefill(
        AttentionWork work, int layer, CacheMemory memory, ArrayView<Quad> queries, ArrayView<Quad> keys, ArrayView<Quad> values,
        ArrayView<Quad> outputs, in AttentionTraits traits)
    {
        PrefillArguments arguments = new()
        {
            Memory = memory,
            Tiles = _tables.Tiles,
            Heads = _tables.PrefillHeads(layer),
            VisibleRings = _tables.VisibleRings(layer),
            Queries = queries,
            Keys = keys,
            Values = values,
            Outputs = outputs,
            KeyValueHeads = work.KeyValueHeads,
            Group = work.QueryHeads / work.KeyValueHeads,
            Window = work.Segments[0].Cache.Spans[layer].SlidingWindow,
            Scale = Scale(traits, work.HeadSize),
        };
        if (TensorCorePrefill.CanRun(_session, _tables.Type, work.HeadSize))
            TensorCorePrefill.Run(_session, arguments, _scratch.Room(TensorCorePrefill.ScratchQuads(arguments)));
        else
            DeviceAttention.Prefill(_session, _tables.Type, arguments);
    }
}
