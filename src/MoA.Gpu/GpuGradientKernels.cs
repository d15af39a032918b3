using ILGPU;
using ILGPU.Runtime;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels.Gradients;
using MoA.Engine.Numerics;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;
using MoA.Gpu.Kernels.Gradients;
using MoA.Gpu.Weights;

namespace MoA.Gpu;

/// <summary>The backward pass on a GPU.</summary>
internal sealed class GpuGradientKernels : GradientKernels
{
    private readonly DeviceSession _session;
    private readonly DeviceAttentionGradient _attention;
    private readonly DeviceList<int> _rows;
    private readonly DeviceBuffer<int> _found;
    private readonly DeviceProducts _products;
    private readonly DeviceScratch<CrossEntropySums> _sums;
    private readonly DeviceScratch<float> _influence;

    /// <summary>Makes ready for items of a model; memory is taken when it is first needed.</summary>
    /// <exception cref="InvalidInputException">There are no kernels for the model's heads or what it does with scores.</exception>
    public GpuGradientKernels(DeviceSession session, DeviceMemory memory, DeviceProducts products, ModelConfig config)
    {
        // Then rows of heads have no padding.
        if (config.HeadSize % 8 != 0)
            throw new InvalidInputException($"heads of {config.HeadSize} are not profiled on a GPU: expected a multiple of 8");
        if (config.LayerDescriptions.Any(layer => layer.AttentionScale is not null))
            throw new InvalidInputException("scores with a scale of their own are not profiled on a GPU; leave --device out");
        _session = session;
        _products = products;
        _attention = new DeviceAttentionGradient(session, memory);
        _rows = new DeviceList<int>(memory);
        _found = memory.Allocate<int>(1);
        _sums = new DeviceScratch<CrossEntropySums>(memory);
        _influence = new DeviceScratch<float>(memory);
    }

    /// <summary>Bytes beside the tensors.</summary>
    public static long BytesOf(ModelConfig config, int maxTokens) => Enumerable.Range(0, config.Layers)
        .Select(layer => new AttentionShape(
            maxTokens, config.QueryHeads, config.KeyValueHeads, config.HeadSize, config.SlidingWindow(layer) ?? int.MaxValue))
        .Max(shape => DeviceAttentionGradient.BytesOf(shape) + (long)shape.QueryHeads * shape.Blocks * shape.Blocks * sizeof(float));

    public override void Copy(Tensor x, int rows, Tensor y) =>
        DeviceTensor.Of(x).Quads(rows).CopyTo(_session.Accelerator.DefaultStream, DeviceTensor.Of(y).Quads(rows));

    public override void Clear(Tensor x, int rows) =>
        DeviceTensor.Of(x).Quads(rows).MemSetToZero(_session.Accelerator.DefaultStream);

    public override bool IsFinite(Tensor x, int rows)
    {
        _found.View.MemSetToZero(_session.Accelerator.DefaultStream);
        FindNotFinite kernel = new() { X = DeviceTensor.Of(x).Quads(rows), Found = _found.View };
        _session.RunThreads(kernel, kernel.Threads);
        Span<int> found = [0];
        _found.View.CopyToCPU(found);
        return found[0] == 0;
    }

    public override void Scatter(Tensor x, ReadOnlySpan<int> rows, Tensor y)
    {
        DeviceTensor to = DeviceTensor.Of(y);
        ScatterRows kernel = new()
        {
            X = DeviceTensor.Of(x).Quads(rows.Length),
            Rows = _rows.Upload(rows),
            Y = to.Quads(to.Rows),
            RowQuads = to.RowQuads,
        };
        _session.RunThreads(kernel, (long)rows.Length * to.RowQuads);
    }

    public override void ProjectGradient(Tensor dy, int rows, WeightTensor weight, Tensor dx, bool accumulate = false) =>
        _products.RunBack(PlacedWeight.Of(weight), DeviceTensor.Of(dy), rows, DeviceTensor.Of(dx), accumulate);

    public override void RmsNormGradient(
        Tensor x, int rows, WeightTensor weight, float epsilon, Tensor dy, Tensor dx, bool accumulate = false)
    {
        DeviceTensor from = DeviceTensor.Of(x);
        int perRow = x.Columns / weight.Columns;
        RmsNormGradient kernel = new()
        {
            X = from.Quads(rows),
            Weight = PlacedWeight.Of(weight).Floats,
            OutputGradient = DeviceTensor.Of(dy).Quads(rows),
            InputGradient = DeviceTensor.Of(dx).Quads(rows),
            Rows = rows * perRow,
            Columns = weight.Columns,
            Stride = from.RowQuads / perRow,
            Epsilon = epsilon,
            Accumulate = accumulate ? 1 : 0,
        };
        _session.RunWarps(kernel, kernel.Rows);
    }

    public override void ActivationGradient(Activation activation, Tensor gate, Tensor up, Tensor dy, int rows)
    {
        SwiGluGradient kernel = new()
        {
            Gate = DeviceTensor.Of(gate).Quads(rows),
            Up = DeviceTensor.Of(up).Quads(rows),
            OutputGradient = DeviceTensor.Of(dy).Quads(rows),
        };
        _session.RunThreads(kernel, kernel.Gate.Length);
    }

    public override void CrossEntropyGradient(Tensor logits, ReadOnlySpan<int> targets, float weight, Span<double> losses, float softCap = 0)
    {
        int rows = targets.Length;
        ArrayView<CrossEntropySums> sums = _sums.Room(rows);
        CrossEntropyGradient kernel = new()
        {
            Logits = DeviceTensor.Of(logits).Quads(rows),
            Targets = _rows.Upload(targets),
            Sums = sums,
            Vocabulary = logits.Columns,
            Weight = weight,
        };
        _session.RunGroups(kernel, rows);
        CrossEntropySums[] found = new CrossEntropySums[rows];
        sums.CopyToCPU(found);
        for (int row = 0; row < rows; row++)
            losses[row] = found[row].Loss;
    }

    public override void Attend(in AttentionShape shape, Tensor queries, Tensor keys, Tensor values, Tensor outputs)
    {
        if (shape.Spans is not null)
            throw new InvalidInputException("influence under a plan: the device takes that of the whole model alone; use --device cpu");
        _attention.Attend(
            shape, DeviceTensor.Of(queries).Quads(shape.Rows), DeviceTensor.Of(keys).Quads(shape.Rows),
            DeviceTensor.Of(values).Quads(shape.Rows), DeviceTensor.Of(outputs).Quads(shape.Rows));
    }

    public override void AttentionGradient(
        in AttentionShape shape, Tensor queries, Tensor keys, Tensor values, Tensor outputGradient, Span<float> influence,
        bool withGradients)
    {
        if (shape.Ranks is not null)
            throw new InvalidInputException("influence in the order of scores: the device sums it by positions alone; use --device cpu");
        if (shape.Block != ElasticRule.BlockSize)
            throw new InvalidInputException($"influence in blocks of {shape.Block} tokens: the device sums blocks of {ElasticRule.BlockSize}; use --device cpu or --block {ElasticRule.BlockSize}");
        ArrayView<float> blocks = _influence.Room(influence.Length);
        _attention.Run(
            shape, DeviceTensor.Of(queries).Quads(shape.Rows), DeviceTensor.Of(keys).Quads(shape.Rows),
            DeviceTensor.Of(values).Quads(shape.Rows), DeviceTensor.Of(outputGradient).Quads(shape.Rows), blocks, withGradients);
        blocks.CopyToCPU(influence);
    }

    public override void Dispose()
    {
        _attention.Dispose();
        _rows.Dispose();
        _found.Dispose();
        _sums.Dispose();
        _influence.Dispose();
    }
}
