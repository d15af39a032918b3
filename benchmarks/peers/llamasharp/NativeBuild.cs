using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using LLama.Native;

namespace MoA.LLamaSharpPeer;

/// <summary>Which llama.cpp runs: what the loaded libraries say of themselves.</summary>
internal static unsafe class NativeBuild
{
    /// <summary>The library that LLamaSharp chose for this processor, such as avx512/libggml-cpu.so.</summary>
    public static string Library => Loaded("ggml-cpu") is { } path
        ? $"{Path.GetFileName(Path.GetDirectoryName(path))}/{Path.GetFileName(path)}"
        : Marshal.PtrToStringUTF8(NativeApi.llama_print_system_info())!;

    /// <summary>The versions of LLamaSharp, of llama.cpp (its commit) and of ggml.</summary>
    public static string Release =>
        $"{Ggml("ggml_commit")} (ggml {Ggml("ggml_version")}) of LLamaSharp {PackageVersion}";

    // Its assembly says 0.0.0; the build knows which package it took.
    private static string PackageVersion =>
        typeof(NativeBuild).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(entry => entry.Key == "LLamaSharp").Value!;

    private static string? Loaded(string name)
    {
        using var process = Process.GetCurrentProcess();
        return process.Modules.Cast<ProcessModule>().FirstOrDefault(module => module.ModuleName.Contains(name, StringComparison.Ordinal))?.FileName;
    }

    private static string Ggml(string function) =>
        Loaded("ggml-base") is { } path && NativeLibrary.TryGetExport(NativeLibrary.Load(path), function, out nint address)
            ? Marshal.PtrToStringUTF8(((delegate* unmanaged[Cdecl]<nint>)address)())!
            : "unknown";
}
