using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU.Runtime.Cuda;

namespace MoA.Gpu.Device;

/// <summary>
/// The driver's library. ILGPU asks for <c>libcuda.so</c>, which containers often lack: they get <c>libcuda.so.1</c> alone.
/// </summary>
internal static class CudaDriver
{
    private static readonly string[] Names = OperatingSystem.IsWindows() ? ["nvcuda"] : ["libcuda.so.1", "libcuda.so"];

    private static readonly Lazy<bool> Found = new(Find);

    /// <summary>Whether the library is there; the first call makes sure that ILGPU finds the same one.</summary>
    public static bool IsInstalled => Found.Value;

    private static bool Find()
    {
        foreach (string name in Names)
        {
            if (!NativeLibrary.TryLoad(name, out nint library))
                continue;
            LetILGpuUse(library);
            return true;
        }

        return false;
    }

    private static void LetILGpuUse(nint library)
    {
        Assembly assembly = typeof(CudaAPI).Assembly;
        try
        {
            NativeLibrary.SetDllImportResolver(
                assembly, (name, _, _) => name is "cuda" or "nvcuda" ? library : nint.Zero);
        }
        catch (InvalidOperationException)
        {
            // ILGPU has set its own: within the Windows subsystem for Linux, where it knows the place.
        }
    }
}
