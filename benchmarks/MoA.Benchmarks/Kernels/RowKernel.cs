using MoA.Benchmarks.Limits;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Benchmarks.Kernels;

/// <summary>
/// An operation that passes once over rows of activations in place, many more of them than a chunk of a prompt has, so
/// that they come from memory and go back to it. Only what is read counts, since that is what the limit is of. Values are
/// such that they stay normal numbers however often it runs.
/// </summary>
internal sealed class RowKernel : Kernel
{
    private const int Rows = 8192;
    private const int Columns = 4096;
    private const int HeadSize = 128;

    private readonly double _bytesReadPerElement;
    private readonly double _flopsPerElement;
    private readonly Func<(Action Run, Tensor[] Tensors)> _prepare;
    private Tensor[] _tensors = [];
    private Action _run = () => { };

    private RowKernel(
        string name, double bytesReadPerElement, double flopsPerElement, Func<(Action Run, Tensor[] Tensors)> prepare)
        : base(name, Limit.Bandwidth)
    {
        _bytesReadPerElement = bytesReadPerElement;
        _flopsPerElement = flopsPerElement;
        _prepare = prepare;
    }

    public override double Flops => _flopsPerElement * Rows * Columns;

    public override double Bytes => _bytesReadPerElement * Rows * Columns;

    /// <summary>The norm of rows.</summary>
    public static RowKernel RmsNorm(ComputeBackend backend) => new("rms norm", 4, 4, () =>
    {
        Tensor x = Activations.Random(backend, Rows, Columns);
        Tensor ones = Activations.Constant(backend, 1, Columns, 1);
        WeightTensor weight = Weight(ones);
        return (() => backend.RmsNorm(x, Rows, weight, 1e-5f, x), [x, ones]);
    });

    /// <summary>The rotation of heads.</summary>
    public static RowKernel Rope(ComputeBackend backend) => new("rope", 4, 3, () =>
    {
        Tensor x = Activations.Random(backend, Rows, Columns);
        Tensor angles = Activations.Constant(backend, Rows, HeadSize, MathF.Sqrt(0.5f));
        return (() => backend.Rope(x, Rows, HeadSize, RopePairs.Halves, angles), [x, angles]);
    });

    /// <summary>The gate; an up of 2 keeps the size of a gate that is silu of itself.</summary>
    public static RowKernel SwiGlu(ComputeBackend backend) => new("swiglu", 8, 10, () =>
    {
        Tensor gate = Activations.Constant(backend, Rows, Columns, -1);
        Tensor up = Activations.Constant(backend, Rows, Columns, 2);
        return (() => backend.Activate(Activation.Silu, gate, up, Rows), [gate, up]);
    });

    protected override void Allocate() => (_run, _tensors) = _prepare();

    protected override void Run() => _run();

    protected override void Dispose(bool disposing)
    {
        foreach (Tensor tensor in _tensors)
            tensor.Dispose();
    }

    private static unsafe WeightTensor Weight(Tensor row) => new("ones", ElementType.F32, 1, row.Columns, row.Data);
}
