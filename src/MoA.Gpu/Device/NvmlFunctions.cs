using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace MoA.Gpu.Device;

/// <summary>What is used of NVIDIA's management library, which comes with the driver. Each returns 0 or an error's number.</summary>
/// <remarks>https://docs.nvidia.com/deploy/nvml-api</remarks>
internal sealed class NvmlFunctions
{
    private static readonly string[] Names = OperatingSystem.IsWindows()
        ? ["nvml.dll"]
        : ["libnvidia-ml.so.1", "libnvidia-ml.so", "/usr/lib/wsl/lib/libnvidia-ml.so.1"];

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate int Plain();

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate int ByBusId([MarshalAs(UnmanagedType.LPUTF8Str)] string busId, out nint device);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate int OfDevice(nint device, out ulong value);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate nint TextOf(int error);

    /// <summary>nvmlInit_v2.</summary>
    public required Plain Initialise { get; init; }

    /// <summary>nvmlShutdown; ends what as many calls of the first began.</summary>
    public required Plain ShutDown { get; init; }

    /// <summary>nvmlDeviceGetHandleByPciBusId_v2.</summary>
    public required ByBusId DeviceByBusId { get; init; }

    /// <summary>nvmlDeviceGetTotalEnergyConsumption: millijoules since the driver was loaded.</summary>
    public required OfDevice TotalEnergy { get; init; }

    /// <summary>nvmlErrorString.</summary>
    public required TextOf ErrorText { get; init; }

    /// <summary>Loads the library; it stays loaded.</summary>
    public static bool TryLoad([NotNullWhen(true)] out NvmlFunctions? functions, [NotNullWhen(false)] out string? whyNot)
    {
        functions = null;
        foreach (string name in Names)
        {
            if (!NativeLibrary.TryLoad(name, out nint library))
                continue;
            try
            {
                functions = new NvmlFunctions
                {
                    Initialise = Function<Plain>(library, "nvmlInit_v2"),
                    ShutDown = Function<Plain>(library, "nvmlShutdown"),
                    DeviceByBusId = Function<ByBusId>(library, "nvmlDeviceGetHandleByPciBusId_v2"),
                    TotalEnergy = Function<OfDevice>(library, "nvmlDeviceGetTotalEnergyConsumption"),
                    ErrorText = Function<TextOf>(library, "nvmlErrorString"),
                };
                whyNot = null;
                return true;
            }
            catch (EntryPointNotFoundException)
            {
                whyNot = $"NVIDIA's management library ({name}) is too old to count energy";
                return false;
            }
        }

        whyNot = $"NVIDIA's management library ({Names[0]}) is not installed";
        return false;
    }

    /// <summary>The library's words for an error.</summary>
    public string Describe(int error) => Marshal.PtrToStringUTF8(ErrorText(error))?.ReplaceLineEndings(" ") ?? $"error {error}";

    private static T Function<T>(nint library, string name)
        where T : Delegate => Marshal.GetDelegateForFunctionPointer<T>(NativeLibrary.GetExport(library, name));
}
