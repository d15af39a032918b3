using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using Tensor = MoA.Engine.Numerics.Tensor;

namespace MoA.Search.Profiling.Gradients;

/// <summary>The backward pass on the processor, with the threads and the vector width of a backend.</summary>
internal sealed unsafe class CpuGradientKernels<TSimd, TVector>(CpuBackend<TSimd, TVector> backend) : GradientKernels
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private NativeBuffer<float>? _headGradients;

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
            backend.Pool, backend.Scratch, dy.Data, rows, weight, MatrixOperand.AsStored, dx.Data, accumulate);

    public override void RmsNormGradient(
        Tensor x, int rows, WeightTensor weight, float epsilon, Tensor dy, Tensor dx, bool accumulate = false)
    {
        int normRows = rows * (x.Columns / weight.Columns);
        RmsNormGradient<TSimd, TVector> job = new(x.Data, normRows, weight, epsilon, dy.Data, dx.Data, accumulate);
        backend.Pool.Run(ref job, job.Items);
    }

    public override void SwiGluGradient(Tensor gate, Tensor up, Tensor dy, int rows)
    {
        SwiGluGradient<TSimd, TVector> job = new(gate.Data, up.Data, dy.Data, (long)rows * gate.Columns);
        backend.Pool.Run(ref job, job.Items);
    }

    public override void CrossEntropyGradient(
        Tensor logits, ReadOnlySpan<int> targets, float weight, Span<double> losses)
    {
        fixed (int* targetsStart = targets)
        fixed (double* lossesStart = losses)
        {
            CrossEntropyGradient<TSimd, TVector> job = new(
                logits.Data, logits.Columns, targetsStart, weight, lossesStart);
            backend.Pool.Run(ref job, targets.Length);
        }
    }

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

    public override void Dispose() => _headGradients?.Dispose();
}
