using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Numerics;
using Tensor = MoA.Engine.Numerics.Tensor;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>The backward pass on the processor, with the threads and the vector width of a backend.</summary>
internal sealed unsafe class CpuGradientKernels<TSimd, TVector>(CpuBackend<TSimd, TVector> backend, ModelConfig config, int maxTokens)
    : GradientKernels
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private readonly WholeAttention _attention = new(config, maxTokens, backend);
    private NativeBuffer<float>? _headGradients;

    /// <summary>
    /// Bytes beside the tensors. For H query and G KV heads of size d, and W tokens in the different sliding windows of the layers together: the caches
    /// and what each head adds to gradients, <c>2·W·G·d + 2·n·H·e</c> floats, and on each thread <c>m·(128 + 3·d) + 64·(2·e + 3·d + 5)</c>,
    /// where e is d rounded up to whole strips and m is n rounded up to whole chunks of keys; 64·m more where scores are capped.
    /// </summary>
    public static long BytesOf(ModelConfig config, int maxTokens, int threads, long productElements)
    {
        const int KeysPerChunk = AttentionTile<TSimd, TVector>.KeysPerChunk;
        long size = config.HeadSize, padded = AttentionTile<TSimd, TVector>.Padded(config.HeadSize), n = maxTokens;
        long cached = config.LayerDescriptions.Select(layer => layer.Window).Distinct().Sum(window => Math.Min(window ?? n, n));
        long heads = 2 * (n * config.QueryHeads * padded + cached * config.KeyValueHeads * size);
        int squares = config.LayerDescriptions.Any(layer => layer.AttentionSoftCap is not null) ? 3 : 2;
        long tile = (n + KeysPerChunk - 1) / KeysPerChunk * KeysPerChunk * (squares * ElasticRule.BlockSize + 3 * size)
            + ElasticRule.BlockSize * (2 * padded + 3 * size + 5);
        // A product's input in the order in which it is read; scratch memory leaves itself room to grow.
        return sizeof(float) * (heads + (productElements + threads * tile) * 5 / 4);
    }

    public override void Copy(Tensor x, int rows, Tensor y)
    {
        long bytes = (long)rows * x.Columns * sizeof(float);
        Buffer.MemoryCopy(x.Data, y.Data, bytes, bytes);
    }

    public override void Clear(Tensor x, int rows) =>
        NativeMemory.Clear(x.Data, (nuint)rows * (nuint)x.Columns * sizeof(float));

    public override bool IsFinite(Tensor x, int rows)
    {
        for (int row = 0; row < rows; row++)
        {
            // The maximum of magnitudes is NaN as soon as one of them is.
            if (!float.IsFinite(TensorPrimitives.MaxMagnitude(new ReadOnlySpan<float>(x.Data + (nint)row * x.Columns, x.Columns))))
                return false;
        }

        return true;
    }

    public override void Scatter(Tensor x, ReadOnlySpan<int> rows, Tensor y)
    {
        long bytes = x.Columns * (long)sizeof(float);
        for (int i = 0; i < rows.Length; i++)
            Buffer.MemoryCopy(x.Data + (nint)i * x.Columns, y.Data + (nint)rows[i] * x.Columns, bytes, bytes);
    }

    public override void ProjectGradient(Tensor dy, int rows, WeightTensor weight, Tensor dx, bool accumulate = false) =>
        Gemm<TSimd, TVector>.Multiply(
            backend.Pool, backend.Scratch, dy.Data, rows, weight, dx.Data, accumulate);

    public override void RmsNormGradient(
        Tensor x, int rows, WeightTensor weight, float epsilon, Tensor dy, Tensor dx, bool accumulate = false)
    {
        int normRows = rows * (x.Columns / weight.Columns);
        RmsNormGradient<TSimd, TVector> job = new(x.Data, normRows, weight, epsilon, dy.Data, dx.Data, accumulate);
        backend.Pool.Run(ref job, job.Items);
    }

    public override void ActivationGradient(Activation activation, Tensor gate, Tensor up, Tensor dy, int rows)
    {
        GatedActivationGradient<TSimd, TVector> job = new(activation, gate.Data, up.Data, dy.Data, (long)rows * gate.Columns);
        backend.Pool.Run(ref job, job.Items);
    }

    public override void ExpertSumGradient(Tensor dy, ExpertWork work, bool isNormalized)
    {
        ExpertSumGradient<TSimd, TVector> job = new(work, dy.Data, isNormalized);
        backend.Pool.Run(ref job, work.Rows);
    }

    public override void SumPlaces(ExpertWork work, Tensor y)
    {
        PlaceSum<TSimd, TVector> job = new(work, y.Data);
        backend.Pool.Run(ref job, work.Rows);
    }

    public override void CrossEntropyGradient(
        Tensor logits, ReadOnlySpan<int> targets, float weight, Span<double> losses, float softCap = 0)
    {
        fixed (int* targetsStart = targets)
        fixed (double* lossesStart = losses)
        {
            CrossEntropyGradient<TSimd, TVector> job = new(
                logits.Data, logits.Columns, targetsStart, weight, softCap, lossesStart);
            backend.Pool.Run(ref job, targets.Length);
        }
    }

    public override void Attend(in AttentionShape shape, Tensor queries, Tensor keys, Tensor values, Tensor outputs) =>
        _attention.Attend(shape, queries, keys, values, outputs);

    public override void AttentionGradient(
        in AttentionShape shape,
        Tensor queries,
        Tensor keys,
        Tensor values,
        Tensor outputGradient,
        Span<float> influence,
        bool withGradients)
    {
        int paddedHeadSize = AttentionTile<TSimd, TVector>.Padded(shape.HeadSize);
        long headGradients = (long)shape.QueryHeads * shape.Rows * paddedHeadSize;
        if (withGradients && (_headGradients is null || _headGradients.Length < 2 * headGradients))
        {
            _headGradients?.Dispose();
            _headGradients = new NativeBuffer<float>(backend.Allocator, 2 * headGradients);
        }

        influence.Clear();
        fixed (float* influenceStart = influence)
        {
            AttentionGradientInputs inputs = new()
            {
                Shape = shape,
                Queries = queries.Data,
                Keys = keys.Data,
                Values = values.Data,
                OutputGradient = outputGradient.Data,
                Influence = influenceStart,
                KeyGradients = withGradients ? _headGradients!.Data : null,
                ValueGradients = withGradients ? _headGradients!.Data + headGradients : null,
                PaddedHeadSize = paddedHeadSize,
            };
            AttentionGradient<TSimd, TVector> job = new(backend.Scratch, inputs);
            backend.Pool.Run(ref job, shape.QueryHeads);
            if (!withGradients)
                return;
            GroupSum<TSimd, TVector> sum = new(inputs);
            backend.Pool.Run(ref sum, sum.Items);
        }
    }

    public override void Dispose()
    {
        _attention.Dispose();
        _headGradients?.Dispose();
    }
}
