using System.Runtime.InteropServices;
using ILGPU.Runtime.Cuda;
using MoA.Gpu.Device;

namespace MoA.Gpu.Cuda;

/// <summary>Loads kernels into the driver, which compiles them when they first run, and launches them on the device's stream.</summary>
internal sealed unsafe class CudaLauncher(CudaAccelerator accelerator) : ICudaLauncher
{
    // CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES and
    // CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, in percent: that several groups fit on a processor.
    private const int MostShared = 97, DynamicShared = 8, SharedPart = 9;

    // Of cuFuncSetAttribute(function, attribute, value), which ILGPU's binding lacks.
    private readonly delegate* unmanaged<nint, int, int, CudaError> _setAttribute =
        (delegate* unmanaged<nint, int, int, CudaError>)NativeLibrary.GetExport(CudaDriver.Library, "cuFuncSetAttribute");

    private readonly Dictionary<CudaEntry, (nint Module, nint Function)> _loaded = [];

    public int MostSharedBytes { get; } = CudaAPI.CurrentAPI.GetDeviceAttribute((DeviceAttributeKind)MostShared, accelerator.DeviceId);

    public void Launch<TArguments>(CudaEntry entry, int groups, in TArguments arguments)
        where TArguments : unmanaged
    {
        accelerator.Bind();
        nint function = Load(entry), stream = ((CudaStream)accelerator.DefaultStream).StreamPtr;
        fixed (TArguments* pointer = &arguments)
        {
            void* parameter = pointer;
            CudaException.ThrowIfFailed(CudaAPI.CurrentAPI.LaunchKernel(
                function, groups, 1, 1, entry.Threads, 1, 1, entry.SharedBytes, stream, (nint)(&parameter), nint.Zero));
        }
    }

    /// <summary>The kernels that have run, and the driver's handles of them.</summary>
    public IEnumerable<(CudaEntry Entry, nint Function)> Loaded => _loaded.Select(loaded => (loaded.Key, loaded.Value.Function));

    public void Dispose()
    {
        accelerator.Bind();
        foreach ((nint module, _) in _loaded.Values)
            _ = CudaAPI.CurrentAPI.DestroyModule(module);
        _loaded.Clear();
    }

    private nint Load(CudaEntry entry)
    {
        if (_loaded.TryGetValue(entry, out (nint Module, nint Function) known))
            return known.Function;
        if (CudaAPI.CurrentAPI.LoadModule(out nint module, EmbeddedPtx.Of(entry.Name), out string? log) != CudaError.CUDA_SUCCESS)
            throw new InvalidOperationException($"The driver does not take the kernel {entry.Name}: {log?.ReplaceLineEndings(" ")}");
        CudaException.ThrowIfFailed(CudaAPI.CurrentAPI.GetModuleFunction(out nint function, module, entry.Name));
        CudaException.ThrowIfFailed(_setAttribute(function, DynamicShared, entry.SharedBytes));
        CudaException.ThrowIfFailed(_setAttribute(function, SharedPart, 100));
        _loaded.Add(entry, (module, function));
        return function;
    }
}
