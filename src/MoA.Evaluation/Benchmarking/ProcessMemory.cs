using System.Diagnostics;
using System.Runtime.InteropServices;
using MoA.Engine;

namespace MoA.Evaluation.Benchmarking;

/// <summary>Memory of this process and of the machine, as the operating system counts it.</summary>
internal static class ProcessMemory
{
    private const string Status = "/proc/self/status";

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
        return Field(Status, "VmHWM:") ?? process.PeakWorkingSet64;
    }

    /// <summary>Bytes resident now that no file stands behind: they cannot be dropped and read again.</summary>
    public static long PrivateResidentBytes() => Field(Status, "RssAnon:") ?? 0;

    /// <summary>Bytes that this process could still take without the machine or its container running short.</summary>
    public static long AvailableBytes()
    {
        long limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes - PrivateResidentBytes();
        return Math.Min(limit, Field("/proc/meminfo", "MemAvailable:") ?? long.MaxValue);
    }

    // glibc keeps freed blocks for later allocations; they would count as resident in whatever is measured next. Other C
    // libraries have no such function and give memory back by themselves.
    private static unsafe void ReturnFreedMemory()
    {
        if (NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), "malloc_trim", out nint trim))
            _ = ((delegate* unmanaged<nuint, int>)trim)(0);
    }

    private static long? Field(string file, string name)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        string? line = File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
        string[]? words = line?[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return words is [string text, "kB"] && NumberText.TryWhole(text, out long kibibytes) ? kibibytes * 1024 : null;
    }
}
