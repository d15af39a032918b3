namespace MoA.Engine.Numerics;

/// <summary>A control group of Linux that counts memory: what its processes may take together, and what they take.</summary>
/// <param name="Folder">Its folder in the mounted file system.</param>
/// <param name="IsUnified">Whether it is of version 2.</param>
internal readonly record struct ControlGroup(string Folder, bool IsUnified)
{
    /// <summary>The groups that bound this process: its own and all above it, as far as they are seen from here.</summary>
    /// <param name="root">The folder in which <c>proc</c> and the mounts are.</param>
    public static IEnumerable<ControlGroup> OfProcess(string root)
    {
        // "4:memory:/path" in version 1, "0::/path" in version 2.
        foreach (string[] group in AvailableMemory.Lines(Path.Combine(root, "proc/self/cgroup")).Select(line => line.Split(':', 3)))
        {
            if (group is not [_, string controllers, string path])
                continue;
            bool isUnified = controllers.Length == 0;
            if ((isUnified || controllers.Split(',').Contains("memory")) && Mount(root, isUnified) is (string point, string mounted))
            {
                foreach (string folder in Upwards(point, Below(path, mounted)))
                    yield return new ControlGroup(folder, isUnified);
            }
        }
    }

    /// <summary>Bytes that are left below the limit, files that can be dropped counted as left; null without a limit.</summary>
    public long? AvailableBytes()
    {
        (string limit, string usage, string kind) = IsUnified
            ? ("memory.max", "memory.current", "")
            : ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_");
        // Above memory.high of version 2 processes are slowed down. No limit is written as a word, or as a number beyond any memory.
        long most = Math.Min(Number(limit) ?? long.MaxValue, IsUnified ? Number("memory.high") ?? long.MaxValue : long.MaxValue);
        if (most == long.MaxValue || Number(usage) is not long used)
            return null;
        string statistics = Path.Combine(Folder, "memory.stat");
        long droppable = (AvailableMemory.Field(statistics, $"{kind}inactive_file ") ?? 0) +
            (AvailableMemory.Field(statistics, $"{kind}active_file ") ?? 0);
        return Math.Max(0, most - Math.Max(0, used - droppable));
    }

    private long? Number(string name) => AvailableMemory.Field(Path.Combine(Folder, name), "");

    // "36 35 0:32 ROOT POINT options - type source options": of version 1 the last ones name the controllers.
    private static (string Point, string Root)? Mount(string root, bool isUnified)
    {
        foreach (string line in AvailableMemory.Lines(Path.Combine(root, "proc/self/mountinfo")))
        {
            string[] words = line.Split(' ');
            int dash = Array.IndexOf(words, "-", Math.Min(words.Length, 6));
            if (dash < 0 || words.Length < dash + 4)
                continue;
            bool fits = isUnified ? words[dash + 1] == "cgroup2" : words[dash + 1] == "cgroup" && words[dash + 3].Split(',').Contains("memory");
            if (fits)
                return (Path.Combine(root, words[4].TrimStart('/')), words[3]);
        }

        return null;
    }

    // The group's path below the one that is mounted; in a container the path may be the host's, and what is mounted its own.
    private static string Below(string path, string mounted)
    {
        if (mounted == "/")
            return path;
        return path == mounted || path.StartsWith(mounted + "/", StringComparison.Ordinal) ? path[mounted.Length..] : "";
    }

    private static IEnumerable<string> Upwards(string point, string path)
    {
        for (string below = path.Trim('/'); below.Length > 0; below = Path.GetDirectoryName(below) ?? "")
            yield return Path.Combine(point, below);
        yield return point;
    }
}
