using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime.Cuda;

namespace MoA.Gpu.Device;

/// <summary>
/// The driver's library and what ILGPU finds through it. ILGPU asks for <c>libcuda.so</c>, which containers often lack: they
/// get <c>libcuda.so.1</c> alone.
/// </summary>
internal static class CudaDriver
{
    // Within the Windows subsystem for Linux ILGPU finds the library itself.
    private const string SubsystemFolder = "/usr/lib/wsl/lib";

    private static readonly string[] Names = OperatingSystem.IsWindows()
        ? ["nvcuda"]
        : ["libcuda.so.1", "libcuda.so", $"{SubsystemFolder}/libcuda.so.1"];

    private static readonly Lazy<nint> Found = new(Find);

    // One for the process: there ILGPU can be asked for devices but once.
    private static readonly Lazy<Context> Devices = new(() => DeviceSession.CreateContext(builder => builder.Cuda()));

    /// <summary>Whether the library is there; the first call makes sure that ILGPU finds the same one.</summary>
    public static bool IsInstalled => Library != nint.Zero;

    /// <summary>The library; zero where there is none.</summary>
    public static nint Library => Found.Value;

    /// <summary>The context of all devices; lives as long as the process.</summary>
    public static Context Context => Devices.Value;

    private static nint Find()
    {
        foreach (string name in Names)
        {
            if (!NativeLibrary.TryLoad(name, out nint library))
                continue;
            if (!Directory.Exists(SubsystemFolder))
            {
                NativeLibrary.SetDllImportResolver(
                    typeof(CudaAPI).Assembly, (asked, _, _) => asked is "cuda" or "nvcuda" ? library : nint.Zero);
            }

            return library;
        }

        return nint.Zero;
    }
}
