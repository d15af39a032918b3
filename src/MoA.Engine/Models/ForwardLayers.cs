using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models;

/// <summary>
/// The layers of a forward pass: what each one's <see cref="LayerDescription"/> says, on the tensors of a <see cref="Transformer"/>.
/// </summary>
internal sealed class ForwardLayers : IDisposable
{
    private readonly ModelConfig _config;
    private readonly ComputeBackend _backend;
    private readonly float _epsilon;
    private readonly AttentionTraits[] _traits;
    private readonly RotaryAngles _angles;
    private readonly Tensor _branch;
    private readonly Tensor _queries;
    private readonly Tensor _keys;
    private readonly Tensor _values;
    private readonly Tensor _attended;
    private readonly Tensor? _gate; // null where all layers have experts, as is the next
    private readonly Tensor? _up;
    private readonly ExpertWork?[] _experts;

    /// <param name="config">The model.</param>
    /// <param name="weights">Its weights as they are stored.</param>
    /// <param name="backend">The device.</param>
    /// <param name="maxRows">Most tokens in one pass.</param>
    /// <param name="allocate">Makes tensors of rows and columns; they stay the caller's.</param>
    public ForwardLayers(ModelConfig config, ModelWeights weights, ComputeBackend backend, int maxRows, Func<int, int, Tensor> allocate)
    {
        _config = config;
        _backend = backend;
        _epsilon = (float)config.RmsNormEpsilon;
        _traits = [.. config.LayerDescriptions.Zip(weights.Layers, TraitsOf)];
        Hidden = allocate(maxRows, config.HiddenSize);
        _branch = allocate(maxRows, config.HiddenSize);
        _queries = allocate(maxRows, config.QueryHeads * config.HeadSize);
        _keys = allocate(maxRows, config.KeyValueHeads * config.HeadSize);
        _values = allocate(maxRows, config.KeyValueHeads * config.HeadSize);
        _attended = allocate(maxRows, config.QueryHeads * config.HeadSize);
        int width = WidthOfOne(config);
        _gate = width > 0 ? allocate(maxRows, width) : null;
        _up = width > 0 ? allocate(maxRows, width) : null;
        _angles = new RotaryAngles(config, backend, maxRows, allocate);
        Dictionary<ExpertShape, ExpertWork> works = ExpertShape.Of(config).ToDictionary(shape => shape, shape => new ExpertWork(backend, maxRows, shape));
        _experts = [.. config.LayerDescriptions.Select(layer => ExpertShape.Of(config, layer) is { } shape ? works[shape] : null)];
    }

    /// <summary>Tries patterns of attention out on batches of one prompt; null else.</summary>
    public AttentionProbe? Probe { get; set; }

    /// <summary>The residual stream.</summary>
    public Tensor Hidden { get; }

    /// <summary>Bytes that it takes.</summary>
    /// <param name="config">The model.</param>
    /// <param name="maxRows">Most tokens in one pass.</param>
    public static long BytesOf(ModelConfig config, int maxRows)
    {
        long row = 2L * config.HiddenSize + 2L * (config.QueryHeads + config.KeyValueHeads) * config.HeadSize +
            2L * WidthOfOne(config) + RotaryAngles.RowElements(config);
        return 4 * row * maxRows + ExpertShape.Of(config).Sum(shape => ExpertWork.BytesOf(maxRows, shape));
    }

    // Width between the projections of the widest layer that is one network; 0 where none is.
    private static int WidthOfOne(ModelConfig config) =>
        config.LayerDescriptions.Where(layer => layer.FeedForward.Experts is null).Select(layer => layer.FeedForward.IntermediateSize).DefaultIfEmpty().Max();

    /// <summary>Makes ready for a batch's rows.</summary>
    public void Prepare(ForwardBatch batch) => _angles.Fill(batch);

    /// <summary>Runs a layer over the batch's rows of <see cref="Hidden"/>.</summary>
    public void Run(ForwardBatch batch, int layer, LayerWeights weights, PassClock? clock)
    {
        LayerDescription description = _config.LayerDescriptions[layer];
        Attention(batch, layer, description, weights, clock);
        FeedForward(layer, batch.Rows, description, weights, clock);
    }

    private void Attention(ForwardBatch batch, int layer, LayerDescription description, LayerWeights weights, PassClock? clock)
    {
        int rows = batch.Rows;
        Tensor inputs = Norm(rows, weights.AttentionNorm, clock, PassOperation.AttentionNorm);
        clock?.Begin(PassOperation.QueryKeyValue);
        _backend.Project(inputs, rows,
        [
            new(weights.Query, weights.QueryBias, _queries), new(weights.Key, weights.KeyBias, _keys), new(weights.Value, weights.ValueBias, _values),
        ]);
        if (weights.QueryNorm is not null && weights.KeyNorm is not null)
        {
            clock?.Begin(PassOperation.QueryKeyNorm);
            _backend.RmsNorm(_queries, rows, weights.QueryNorm, _epsilon, _queries);
            _backend.RmsNorm(_keys, rows, weights.KeyNorm, _epsilon, _keys);
        }

        if (_angles.Of(layer) is { } angles)
        {
            clock?.Begin(PassOperation.Rope);
            _backend.Rope(_queries, rows, _config.HeadSize, _config.RopePairs, angles);
            _backend.Rope(_keys, rows, _config.HeadSize, _config.RopePairs, angles);
        }

        if (batch.Work.Chooses(layer))
        {
            clock?.Begin(PassOperation.Selection);
            _backend.ChooseKeys(batch.Work, layer, _queries, _keys, _values, _traits[layer]);
        }

        clock?.Begin(PassOperation.Attention);
        _backend.Attend(batch.Work, layer, _queries, _keys, _values, _attended, _traits[layer]);
        Probe?.Try(batch.Work, layer, _queries, _keys, _values, _attended, _traits[layer]);
        clock?.Begin(PassOperation.Output);
        Add(_attended, rows, weights.Output, weights.OutputBias, weights.AttentionOutputNorm, description.ResidualScale);
    }

    private void FeedForward(int layer, int rows, LayerDescription description, LayerWeights weights, PassClock? clock)
    {
        Tensor inputs = Norm(rows, weights.FeedForwardNorm, clock, PassOperation.FeedForwardNorm);
        if (_experts[layer] is { } work)
        {
            Experts(work, inputs, rows, description, weights, clock);
            return;
        }

        FeedForwardWeights network = weights.FeedForward[0];
        clock?.Begin(PassOperation.GateUp);
        _backend.Project(inputs, rows, [new(network.Gate, network.GateBias, _gate!), new(network.Up, network.UpBias, _up!)]);
        clock?.Begin(PassOperation.Activation);
        _backend.Activate(description.FeedForward.Activation, _gate!, _up!, rows);
        clock?.Begin(PassOperation.Down);
        Add(_gate!, rows, network.Down, network.DownBias, weights.FeedForwardOutputNorm, description.ResidualScale);
    }

    private void Experts(ExpertWork work, Tensor inputs, int rows, LayerDescription description, LayerWeights weights, PassClock? clock)
    {
        clock?.Begin(PassOperation.Router);
        _backend.Project(inputs, rows, weights.Router!, weights.RouterBias, work.Scores);
        _backend.ChooseExperts(work, rows, description.FeedForward.Experts!.IsNormalized);
        clock?.Begin(PassOperation.GateUp);
        _backend.EnterExperts(inputs, work, weights.FeedForward);
        clock?.Begin(PassOperation.Activation);
        _backend.Activate(description.FeedForward.Activation, work.Gate, work.Up, work.Places);
        clock?.Begin(PassOperation.Down);
        bool isPlain = IsPlain(weights.FeedForwardOutputNorm, description.ResidualScale);
        _backend.LeaveExperts(work, weights.FeedForward, isPlain ? Hidden : _branch, accumulate: isPlain);
        if (!isPlain)
            AddBranch(rows, weights.FeedForwardOutputNorm, description.ResidualScale);
    }

    /// <summary>What a layer does with the products of queries and keys.</summary>
    internal static unsafe AttentionTraits TraitsOf(LayerDescription description, LayerWeights weights)
    {
        float[]? sinks = null;
        if (description.HasSinks && weights.Sinks is { } stored)
        {
            sinks = new float[stored.Columns];
            fixed (float* numbers = sinks)
                Quantization.Dequantize(stored.Type, (byte*)stored.Data, numbers, sinks.Length);
        }

        return new AttentionTraits { Scale = (float)(description.AttentionScale ?? 0), SoftCap = (float)(description.AttentionSoftCap ?? 0), Sinks = sinks };
    }

    // What a branch starts from: the residual stream, or a norm of it.
    private Tensor Norm(int rows, WeightTensor? norm, PassClock? clock, PassOperation operation)
    {
        if (norm is null)
            return Hidden;
        clock?.Begin(operation);
        _backend.RmsNorm(Hidden, rows, norm, _epsilon, _branch);
        return _branch;
    }

    // Projects what a branch ends in, and adds it to the residual stream.
    private void Add(Tensor x, int rows, WeightTensor weight, WeightTensor? bias, WeightTensor? norm, double scale)
    {
        bool isPlain = IsPlain(norm, scale);
        _backend.Project(x, rows, weight, bias, isPlain ? Hidden : _branch, accumulate: isPlain);
        if (!isPlain)
            AddBranch(rows, norm, scale);
    }

    // Whether a branch's output is added as it is.
    private static bool IsPlain(WeightTensor? norm, double scale) => norm is null && scale == 1;

    private void AddBranch(int rows, WeightTensor? norm, double scale)
    {
        if (norm is not null)
            _backend.RmsNorm(_branch, rows, norm, _epsilon, _branch);
        _backend.Add(_branch, rows, (float)scale, Hidden);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ExpertWork? work in _experts)
            work?.Dispose();
    }
}
