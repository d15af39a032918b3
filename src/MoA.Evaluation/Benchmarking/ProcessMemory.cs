using System.Diagnostics;
using System.Runtime.InteropServices;
using MoA.Engine.Numerics;

namespace MoA.Evaluation.Benchmarking;

/// <summary>Memory of this process, as the operating system counts it.</summary>
internal static class ProcessMemory
{
    /// <summary>Starts a new peak at what is resident now.</summary>
    /// <returns>Whether this system can: Linux, where <c>/proc/self/clear_refs</c> may be written.</returns>
    public static bool TryResetPeak()
    {
        if (!OperatingSystem.IsLinux())
            return false;
        ReturnFreedMemory();
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>The most bytes that were resident since the start or the last reset, mapped files included.</summary>
    public static long PeakResidentBytes()
    {
        using Process process = Process.GetCurrentProcess();
        return Field("VmHWM:") ?? process.PeakWorkingSet64;
    }

    /// <summary>Bytes resident now that no file stands behind: they cannot be dropped and read again.</summary>
    public static long PrivateResidentBytes() => Field("RssAnon:") ?? 0;

    // glibc keeps freed blocks for later allocations; they would count as resident in whatever is measured next. Other C
    // libraries have no such function and give memory back by themselves.
    private static unsafe void ReturnFreedMemory()
    {
        if (NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), "malloc_trim", out nint trim))
            _ = ((delegate* unmanaged<nuint, int>)trim)(0);
    }

    private static long? Field(string name) =>
        OperatingSystem.IsLinux() && AvailableMemory.Field("/proc/self/status", name) is long kibibytes ? kibibytes * 1024 : null;
}
