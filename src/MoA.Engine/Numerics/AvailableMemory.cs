using System.Globalization;

namespace MoA.Engine.Numerics;

/// <summary>
/// Memory that this process could still take without the machine or its container running short. Files that the system keeps
/// in memory only to read them faster count as available: it drops them when memory is asked for.
/// </summary>
internal static class AvailableMemory
{
    /// <summary>
    /// Bytes that are available now: on Linux the least of <c>MemAvailable</c> and what is left below the limit of each control
    /// group that the process is in (version 1 or 2); elsewhere what the runtime knows of the machine or the job.
    /// </summary>
    public static long Bytes() => OperatingSystem.IsLinux() && OfLinux("/") is long bytes ? bytes : OfRuntime();

    /// <summary>As <see cref="Bytes"/> of a Linux system whose files stand below a folder; null where it does not say.</summary>
    /// <param name="root">The folder in which <c>proc</c> and the mounted control groups are: <c>/</c>, in tests another.</param>
    internal static long? OfLinux(string root)
    {
        long? machine = Field(Path.Combine(root, "proc/meminfo"), "MemAvailable:") is long kibibytes ? kibibytes * 1024 : null;
        foreach (ControlGroup group in ControlGroup.OfProcess(root))
        {
            if (group.AvailableBytes() is long left)
                machine = Math.Min(machine ?? long.MaxValue, left);
        }

        return machine;
    }

    /// <summary>The first number after a word at the start of a line; null if there is no such file, line or number.</summary>
    internal static long? Field(string file, string word)
    {
        string? line = Lines(file).FirstOrDefault(line => line.StartsWith(word, StringComparison.Ordinal));
        string[]? words = line?[word.Length..].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return words is [string text, ..] && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number
            : null;
    }

    /// <summary>The lines of a file of the system; none where it cannot be read.</summary>
    internal static string[] Lines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static long OfRuntime()
    {
        // What is in use is noted by a collection.
        if (GC.GetGCMemoryInfo(GCKind.Any).Index == 0)
            GC.Collect(0, GCCollectionMode.Forced);
        GCMemoryInfo memory = GC.GetGCMemoryInfo(GCKind.Any);
        return Math.Max(0, memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes);
    }
}
