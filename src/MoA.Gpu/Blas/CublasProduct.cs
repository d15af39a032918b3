using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using MoA.Engine;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Blas;

/// <summary>
/// Products of many rows through cuBLAS, on the device's stream: operands BF16, sums and results F32. Its memory is taken when it is
/// opened, so that launches can be captured. Padding columns of results are left as they are.
/// </summary>
internal sealed class CublasProduct : IDisposable
{
    // What cuBLAS's documentation recommends to give it.
    private const int WorkspaceBytes = 4 << 20, HopperWorkspaceBytes = 32 << 20;

    private readonly CublasFunctions _cublas;
    private readonly nint _handle;
    private DeviceBuffer<byte>? _workspace;

    private CublasProduct(CublasFunctions cublas, nint handle, DeviceBuffer<byte> workspace, string source)
    {
        _cublas = cublas;
        _handle = handle;
        _workspace = workspace;
        Source = source;
    }

    /// <summary>The library's version and where it was found.</summary>
    public string Source { get; }

    /// <summary>Finds cuBLAS and opens it on a device.</summary>
    /// <param name="session">The device; stays the caller's.</param>
    /// <param name="memory">Its memory.</param>
    /// <param name="product">What multiplies; null where there is no cuBLAS.</param>
    /// <param name="whyNot">Why there is none, in one line.</param>
    /// <exception cref="InvalidInputException"><see cref="CublasSearch.Variable"/> names what cannot be used.</exception>
    public static bool TryOpen(
        DeviceSession session, DeviceMemory memory, [NotNullWhen(true)] out CublasProduct? product, [NotNullWhen(false)] out string? whyNot)
    {
        product = null;
        if (session.Accelerator is not CudaAccelerator { DefaultStream: CudaStream stream })
        {
            whyNot = $"cuBLAS runs on NVIDIA GPUs, not on device {session.Device.Id}";
            return false;
        }

        CublasSearch search = new();
        if (search.Named == CublasSearch.Off)
        {
            whyNot = $"cuBLAS is left alone: {CublasSearch.Variable}={CublasSearch.Off}";
            return false;
        }

        string? failure = null;
        foreach (string library in search.Candidates())
        {
            if (CublasFunctions.TryLoad(library, out CublasFunctions? cublas, out string? problem)
                && TryOpen(session, memory, cublas, library, stream.StreamPtr, out product, out problem))
            {
                whyNot = null;
                return true;
            }

            // A file that does not work says more than a name that the loader does not know.
            if (failure is null || Path.IsPathRooted(library))
                failure = problem;
        }

        if (search.Named is string named)
            throw new InvalidInputException($"{CublasSearch.Variable}={named}: {failure}");
        whyNot = $"no usable cuBLAS ({CublasSearch.Variable} may name its file): {failure}";
        return false;
    }

    /// <summary>Opens a loaded library on a device.</summary>
    internal static bool TryOpen(
        DeviceSession session, DeviceMemory memory, CublasFunctions cublas, string library, nint stream,
        [NotNullWhen(true)] out CublasProduct? product, [NotNullWhen(false)] out string? whyNot)
    {
        product = null;
        session.Accelerator.Bind();
        int error = cublas.Create(out nint handle);
        if (error != 0)
        {
            whyNot = $"{library} does not start: {CublasFunctions.Describe(error)}";
            return false;
        }

        int bytes = session.Accelerator is CudaAccelerator { Architecture.Major: >= 9 } ? HopperWorkspaceBytes : WorkspaceBytes;
        DeviceBuffer<byte>? workspace = null;
        try
        {
            memory.CheckRoom(bytes, "cuBLAS's workspace", $"do without it ({CublasSearch.Variable}={CublasSearch.Off})");
            workspace = memory.Allocate<byte>(bytes);
            error = cublas.SetStream(handle, stream);
            if (error == 0)
                error = cublas.SetWorkspace(handle, workspace.Address, (nuint)bytes);
            if (error == 0)
            {
                product = new CublasProduct(cublas, handle, workspace, $"cuBLAS {Version(cublas)} ({library})");
                whyNot = null;
                return true;
            }

            whyNot = $"{library} cannot be used: {CublasFunctions.Describe(error)}";
            return false;
        }
        catch (InvalidInputException failure)
        {
            whyNot = failure.Message;
            return false;
        }
        finally
        {
            if (product is null)
            {
                workspace?.Dispose();
                _ = cublas.Destroy(handle);
            }
        }
    }

    /// <summary>results [rows, outputs] (+)= inputs [rows, inputs] · weight [outputs, inputs]'.</summary>
    /// <param name="shape">The shape.</param>
    /// <param name="inputs">BF16.</param>
    /// <param name="weight">BF16.</param>
    /// <param name="results">F32.</param>
    /// <param name="add">Whether to add to what stands there.</param>
    public void Multiply(in ProductShape shape, ArrayView<Quad> inputs, ArrayView<Quad> weight, ArrayView<Quad> results, bool add)
    {
        Check(shape, inputs, weight, results, shape.InputLength, shape.OutputLength);
        // Rows here are columns there: results' = weight · inputs', of which the first is transposed as it lies.
        Run(CublasFunctions.Transposed, shape.Outputs, shape.Rows, shape.Inputs, weight, shape.InputStride, inputs, shape.InputStride, results,
            shape.OutputStride, add);
    }

    /// <summary>results [rows, inputs] (+)= gradients [rows, outputs] · weight [outputs, inputs].</summary>
    /// <param name="shape">The shape of the product whose inputs' gradients these are.</param>
    /// <param name="gradients">Of its results, BF16.</param>
    /// <param name="weight">BF16.</param>
    /// <param name="results">Of its inputs, F32.</param>
    /// <param name="add">Whether to add to what stands there.</param>
    public void MultiplyBack(in ProductShape shape, ArrayView<Quad> gradients, ArrayView<Quad> weight, ArrayView<Quad> results, bool add)
    {
        Check(shape, gradients, weight, results, shape.OutputLength, shape.InputLength);
        Run(CublasFunctions.AsItIs, shape.Inputs, shape.Rows, shape.Outputs, weight, shape.InputStride, gradients, shape.OutputStride, results,
            shape.InputStride, add);
    }

    public void Dispose()
    {
        if (_workspace is null)
            return;
        _ = _cublas.Destroy(_handle);
        _workspace.Dispose();
        _workspace = null;
    }

    private void Run(
        int operation, int m, int n, int k, ArrayView<Quad> a, int strideA, ArrayView<Quad> b, int strideB, ArrayView<Quad> c, int strideC, bool add)
    {
        if (m == 0 || n == 0)
            return;
        float alpha = 1, beta = add ? 1 : 0;
        int error = _cublas.Multiply(
            _handle, operation, CublasFunctions.AsItIs, m, n, k, alpha, Address(a), CublasFunctions.BF16, strideA,
            Address(b), CublasFunctions.BF16, strideB, beta, Address(c), CublasFunctions.F32, strideC,
            CublasFunctions.SumsInF32, CublasFunctions.ChosenByLibrary);
        if (error != 0)
            throw new IOException($"{Source}: a product of {n} rows by {m} x {k} failed: {CublasFunctions.Describe(error)}");
    }

    private void Check(
        in ProductShape shape, ArrayView<Quad> operand, ArrayView<Quad> weight, ArrayView<Quad> results, long operandLength, long resultLength)
    {
        ObjectDisposedException.ThrowIf(_workspace is null, this);
        CheckLength(operand, operandLength * sizeof(ushort), nameof(operand));
        CheckLength(weight, (long)shape.Outputs * shape.InputStride * sizeof(ushort), nameof(weight));
        CheckLength(results, resultLength * sizeof(float), nameof(results));
    }

    private static void CheckLength(ArrayView<Quad> memory, long bytes, string name)
    {
        if (memory.LengthInBytes < bytes)
            throw new ArgumentException($"{bytes} bytes are needed, {memory.LengthInBytes} are there.", name);
    }

    private static nint Address(ArrayView<Quad> view) => view.LoadEffectiveAddressAsPtr();

    private static string Version(CublasFunctions cublas) => string.Join('.', Enumerable.Range(0, 3).Select(property =>
        cublas.Property(property, out int value) == 0 ? value.ToString(CultureInfo.InvariantCulture) : "?"));
}
