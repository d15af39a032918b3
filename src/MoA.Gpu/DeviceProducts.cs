using ILGPU;
using MoA.Gpu.Blas;
using MoA.Gpu.Cuda;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;
using MoA.Gpu.Kernels.Gradients;
using MoA.Gpu.Weights;

namespace MoA.Gpu;

/// <summary>
/// Products with weights. Few rows read the weight as it is stored, since that is what takes time. Many run on tensor cores, from
/// operands in BF16: through cuBLAS where there is one, else our own kernel; without tensor cores a portable one does.
/// </summary>
internal sealed class DeviceProducts : IDisposable
{
    // Pieces of a weight are multiples of it, so that no piece but the last has padding.
    private const int PieceRows = 64;

    // Rows up to which the weight is read as stored: widening costs several readings, rounding inputs none.
    private const int FewRowsOfBF16 = 8;

    private readonly DeviceSession _session;
    private readonly CublasProduct? _cublas;
    private readonly TensorCoreProduct? _own;
    private readonly DeviceScratch<Quad> _inputs, _weight;
    private readonly long _widenedNumbers;

    /// <summary>Chooses what multiplies.</summary>
    /// <param name="session">The device.</param>
    /// <param name="memory">Its memory.</param>
    /// <param name="widenedNumbers">Numbers of a weight that are widened at a time.</param>
    public DeviceProducts(DeviceSession session, DeviceMemory memory, long widenedNumbers = 64 << 20)
    {
        _session = session;
        _widenedNumbers = widenedNumbers;
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

    /// <summary>dx (+)= dy·W.</summary>
    public void RunBack(PlacedWeight weight, DeviceTensor dy, int rows, DeviceTensor dx, bool accumulate)
    {
        if (!HasTensorCores)
        {
            InputRows gradients = new() { X = dy.Quads(rows), Octets = dy.RowQuads / 2, Rows = rows };
            DeviceProductGradient.Run(_session, weight.Type, weight.Device, gradients, dx.Quads(rows), dx.RowQuads, accumulate);
            return;
        }

        ArrayView<Quad> results = dx.Quads(rows);
        for (int first = 0, count; first < weight.Rows; first += count)
        {
            count = RowsOfPiece(weight, first);
            ProductShape shape = new(rows, count, weight.Columns);
            int quads = shape.OutputStride / 8;
            ArrayView<Quad> piece = _inputs.Room((long)rows * quads);
            BF16Operand.Round(_session, dy.Quads(rows), dy.RowQuads, first / 4, piece, quads);
            if (_cublas is not null)
                _cublas.MultiplyBack(shape, piece, Widen(weight, first, count), results, accumulate || first > 0);
            else
                _own!.MultiplyBack(shape, piece, Widen(weight, first, count), results, accumulate || first > 0);
        }
    }

    /// <summary>Bytes that operands of products take, of weights in any format.</summary>
    /// <param name="inputs">Numbers of the largest inputs.</param>
    public long OperandBytes(long inputs) => HasTensorCores ? sizeof(ushort) * (inputs + _widenedNumbers) : 0;

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

    private int RowsOfPiece(PlacedWeight weight, int first) => BF16Operand.IsStored(weight.Type)
        ? weight.Rows
        : Math.Min(weight.Rows - first, (int)Math.Max(PieceRows, _widenedNumbers / weight.Columns / PieceRows * PieceRows));

    private ArrayView<Quad> Widen(PlacedWeight weight, int first, int count)
    {
        if (BF16Operand.IsStored(weight.Type))
            return weight.Device.Quads;
        ArrayView<Quad> rows = _weight.Room((long)count * ((weight.Columns + 7) / 8));
        BF16Operand.Widen(_session, weight.Type, weight.Device, first, count, rows);
        return rows;
    }
}
