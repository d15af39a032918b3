using System.Runtime.InteropServices;

namespace MoA.Engine.Numerics;

/// <summary>
/// Functions of the C library that this process runs on, by whatever name the system calls it: glibc, musl, or macOS's. Nothing is
/// found on Windows, and nothing is thrown.
/// </summary>
internal static class CLibrary
{
    /// <summary>The address of a function, or 0 where there is none of that name.</summary>
    public static nint Find(string function) =>
        !OperatingSystem.IsWindows() && NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), function, out nint address)
            ? address
            : 0;
}
