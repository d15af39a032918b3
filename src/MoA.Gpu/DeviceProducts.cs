using ILGPU;
using MoA.Engine.Numerics;
using MoA.Gpu.Blas;
using MoA.Gpu.Cuda;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;
using MoA.Gpu.Weights;

namespace MoA.Gpu;

/// <summary>
/// Products with weights. Few rows read the weight as it is stored, since that is what takes time. Many run on tensor cores, from
/// operands in BF16: through cuBLAS where there is one, else our own kernel; without tensor cores a portable one does.
/// </summary>
internal sealed class DeviceProducts : IDisposable
{
    /// <summary>Numbers of a weight that are widened at a time.</summary>
    private const long WidenedNumbers = 64 << 20;

    // Pieces of a weight are multiples of it, so that no piece but the last has padding.
    private const int PieceRows = 64;

    // Rows up to which the weight is read as stored: widening costs several readings, rounding inputs none.
    private const int FewRowsOfBF16 = 8;

    private readonly DeviceSession _session;
    private readonly CublasProduct? _cublas;
    private readonly TensorCoreProduct? _own;
    private readonly DeviceScratch<Quad> _inputs, _weight;

    public DeviceProducts(DeviceSession session, DeviceMemory memory)
    {
        _session = session;
        _inputs = new DeviceScratch<Quad>(memory);
        _weight = new DeviceScratch<Quad>(memory);
        if (CublasProduct.TryOpen(session, memory, out CublasProduct? cublas, out string? whyNot))
            _cublas = cublas;
        else if (TensorCoreProduct.CanRun(session))
            _own = new TensorCoreProduct(session);
        Description = _cublas?.Source ?? (_own is null ? "portable kernels" : $"own kernels for tensor cores: {whyNot}");
    }

    /// <summary>What multiplies many rows.</summary>
    public string Description { get; }

    private bool HasTensorCores => _cublas is not null || _own is not null;

    /// <summary>y (+)= x·W'.</summary>
    public void Run(PlacedWeight weight, DeviceTensor x, int rows, DeviceTensor y, bool accumulate)
    {
        if (HasTensorCores && rows > (BF16Operand.IsStored(weight.Type) ? FewRowsOfBF16 : DeviceProduct.FewRows))
        {
            RunLarge(weight, x, rows, y, accumulate);
            return;
        }

        InputRows inputs = new() { X = x.Quads(rows), Octets = x.RowQuads / 2, Rows = rows };
        ProductOutputs outputs = new()
        {
            Y = y.Quads(rows).Cast<float>(),
            Stride = 4 * y.RowQuads,
            Rows = rows,
            Accumulate = accumulate ? 1 : 0,
        };
        DeviceProduct.Run(_session, weight.Type, weight.Device, inputs, outputs);
    }

    /// <summary>Bytes that <see cref="TryRunBack"/> takes to widen a weight.</summary>
    public long BytesToRunBack(ElementType type, long numbers) => HasTensorCores && !BF16Operand.IsStored(type) ? 2 * numbers : 0;

    /// <summary>dx (+)= dy·W, on tensor cores; false where there are none.</summary>
    public bool TryRunBack(PlacedWeight weight, DeviceTensor dy, int rows, DeviceTensor dx, bool accumulate)
    {
        if (!HasTensorCores)
            return false;
        ArrayView<Quad> gradients = Round(dy, rows), whole = Widen(weight, 0, weight.Rows);
        ProductShape shape = new(rows, weight.Rows, weight.Columns);
        if (_cublas is not null)
            _cublas.MultiplyBack(shape, gradients, whole, dx.Quads(rows), accumulate);
        else
            _own!.MultiplyBack(shape, gradients, whole, dx.Quads(rows), accumulate);
        return true;
    }

    public void Dispose()
    {
        _inputs.Dispose();
        _weight.Dispose();
        _cublas?.Dispose();
    }

    private void RunLarge(PlacedWeight weight, DeviceTensor x, int rows, DeviceTensor y, bool accumulate)
    {
        ArrayView<Quad> inputs = Round(x, rows), results = y.Quads(rows);
        for (int first = 0, count; first < weight.Rows; first += count)
        {
            count = RowsOfPiece(weight, first);
            ProductShape shape = new(rows, count, weight.Columns) { OutputStride = 4 * y.RowQuads };
            ArrayView<Quad> piece = results.SubView(first / 4, results.Length - first / 4);
            if (_cublas is not null)
                _cublas.Multiply(shape, inputs, Widen(weight, first, count), piece, accumulate);
            else
                _own!.Multiply(shape, inputs, Widen(weight, first, count), piece, accumulate);
        }
    }

    private ArrayView<Quad> Round(DeviceTensor x, int rows)
    {
        ArrayView<Quad> rounded = _inputs.Room((long)rows * x.RowQuads / 2);
        BF16Operand.Round(_session, x.Quads(rows), rounded);
        return rounded;
    }

    private static int RowsOfPiece(PlacedWeight weight, int first) => BF16Operand.IsStored(weight.Type)
        ? weight.Rows
        : Math.Min(weight.Rows - first, (int)Math.Max(PieceRows, WidenedNumbers / weight.Columns / PieceRows * PieceRows));

    private ArrayView<Quad> Widen(PlacedWeight weight, int first, int count)
    {
        if (BF16Operand.IsStored(weight.Type))
            return weight.Device.Quads;
        ArrayView<Quad> rows = _weight.Room((long)count * ((weight.Columns + 7) / 8));
        BF16Operand.Widen(_session, weight.Type, weight.Device, first, count, rows);
        return rows;
    }
}
