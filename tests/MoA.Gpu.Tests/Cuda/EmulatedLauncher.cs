using System.Diagnostics;
using System.Runtime.InteropServices;
using ILGPU.Runtime;
using MoA.Gpu.Caches;
using MoA.Gpu.Cuda;
using MoA.Tests;

namespace MoA.Gpu.Tests.Cuda;

/// <summary>
/// Runs the kernels in CUDA C++ on the processor: a compiler makes a library of their unchanged sources and of device.cpp here,
/// which does what the device does, and sees what is read before it is settled.
/// </summary>
internal sealed unsafe class EmulatedLauncher(Accelerator accelerator) : ICudaLauncher
{
    private static readonly Lazy<(nint Launch, string Problem)> Library = new(Build);

    private readonly List<string> _launched = [];

    /// <summary>Why there is none, in one line; null if there is.</summary>
    public static string? WhyNot => Library.Value.Problem is "" ? null : Library.Value.Problem;

    /// <summary>Kernels in the order of their launches.</summary>
    public IReadOnlyList<string> Launched => _launched;

    // Of devices of compute capability 9.0.
    public int MostSharedBytes => 227 * 1024;

    public void Launch<TArguments>(CudaEntry entry, int groups, in TArguments arguments)
        where TArguments : unmanaged
    {
        Assert.InRange(entry.SharedBytes, 1, MostSharedBytes);
        Assert.Contains(entry.Name, EmbeddedPtx.Kernels);
        accelerator.Synchronize();
        delegate* unmanaged<byte*, int, int, int, void*, int, byte*> launch =
            (delegate* unmanaged<byte*, int, int, int, void*, int, byte*>)Library.Value.Launch;
        // The library has one device, which all emulated ones share.
        lock (Library)
        {
            fixed (TArguments* pointer = &arguments)
            {
                nint name = Marshal.StringToCoTaskMemUTF8(entry.Name);
                string failure = Marshal.PtrToStringUTF8((nint)launch(
                    (byte*)name, groups, entry.Threads, entry.SharedBytes, pointer, sizeof(TArguments)))!;
                Marshal.FreeCoTaskMem(name);
                Assert.True(failure is "", $"{entry.Name}: {failure}");
            }

            _launched.Add(entry.Name);
        }
    }

    public void Dispose()
    {
    }

    private static (nint Launch, string Problem) Build()
    {
        if (!OperatingSystem.IsLinux())
            return (0, "The kernels in CUDA C++ are emulated on Linux alone.");
        string library = Path.Combine(AppContext.BaseDirectory, "emulated-kernels.so");
        using Process build = Process.Start(new ProcessStartInfo("bash")
        {
            ArgumentList = { Path.Combine(RepositoryFiles.Root, "src", "MoA.Gpu", "Cuda", "build.sh"), "--emulated", library },
            RedirectStandardError = true,
        })!;
        string errors = build.StandardError.ReadToEnd();
        build.WaitForExit();
        const int NoCompiler = 3;
        if (build.ExitCode == NoCompiler)
            return (0, errors.ReplaceLineEndings(" ").Trim());
        Assert.True(build.ExitCode == 0, errors);
        nint loaded = NativeLibrary.Load(library);
        int[] sizes = [sizeof(DecodeItem), sizeof(DecodePiece), sizeof(PrefillTile), sizeof(PrefillHead)];
        Assert.Equal(sizes, new ReadOnlySpan<int>((void*)NativeLibrary.GetExport(loaded, "sizes"), sizes.Length).ToArray());
        return (NativeLibrary.GetExport(loaded, "launch"), "");
    }
}
