using System.Globalization;
using System.Runtime.InteropServices;

namespace MoA.Engine.Numerics;

/// <summary>The nodes of a machine whose memory is nearer to some processors than to others (NUMA), as Linux numbers them.</summary>
internal static unsafe class MemoryNodes
{
    private const int InterleavePolicy = 3; // MPOL_INTERLEAVE
    private const int MostNodes = 1024; // what kernels are built for

    // The C library has no mbind; its number differs by processor.
    private static readonly delegate* unmanaged<nint, void*, nuint, int, ulong*, nuint, uint, nint> SystemCall =
        (delegate* unmanaged<nint, void*, nuint, int, ulong*, nuint, uint, nint>)(OperatingSystem.IsLinux() ? CLibrary.Find("syscall") : 0);

    private static readonly nint BindNumber = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 237,
        Architecture.Arm64 => 235,
        _ => -1,
    };

    /// <summary>The nodes that have memory which this process may use; one or none where memory is all alike.</summary>
    public static IReadOnlyList<int> Usable { get; } = OperatingSystem.IsLinux() ? Of("/") : [];

    /// <summary>
    /// Lets pages that nobody has touched yet come from all nodes in turn: whichever threads read them, all nodes' memory is
    /// read at once. Nothing happens on one node.
    /// </summary>
    /// <param name="memory">Start of a page.</param>
    /// <param name="bytes">Bytes.</param>
    public static void Spread(void* memory, nuint bytes)
    {
        if (Usable.Count > 1)
            _ = Interleave(memory, bytes, Usable);
    }

    /// <summary>Asks for pages from some nodes in turn; whether the system agreed. It is a wish: refused, pages come as they would.</summary>
    internal static bool Interleave(void* memory, nuint bytes, IReadOnlyList<int> nodes)
    {
        if (SystemCall is null || BindNumber < 0)
            return false;
        ulong* mask = stackalloc ulong[MostNodes / 64];
        new Span<ulong>(mask, MostNodes / 64).Clear();
        foreach (int node in nodes.Where(node => node < MostNodes))
            mask[node / 64] |= 1ul << (node % 64);
        return SystemCall(BindNumber, memory, bytes, InterleavePolicy, mask, MostNodes, 0) == 0;
    }

    /// <summary>As <see cref="Usable"/> of a Linux system whose files stand below a folder.</summary>
    internal static IReadOnlyList<int> Of(string root)
    {
        string allowed = AvailableMemory.Lines(Path.Combine(root, "proc/self/status"))
            .FirstOrDefault(line => line.StartsWith("Mems_allowed_list:", StringComparison.Ordinal)) ?? "";
        string withMemory = AvailableMemory.Lines(Path.Combine(root, "sys/devices/system/node/has_memory")).FirstOrDefault() ?? "";
        return [.. Numbers(allowed[(allowed.IndexOf(':', StringComparison.Ordinal) + 1)..]).Intersect(Numbers(withMemory)).Order()];
    }

    // "0-3,8": as the kernel writes lists.
    private static IEnumerable<int> Numbers(string list)
    {
        foreach (string part in list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            string[] ends = part.Split('-');
            if (!TryNumber(ends[0], out int first) || !TryNumber(ends[^1], out int last))
                continue;
            for (int number = first; number <= Math.Min(last, MostNodes - 1); number++)
                yield return number;
        }

        static bool TryNumber(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
