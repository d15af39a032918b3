using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>
/// A kernel as a struct: its fields are the arguments, and <see cref="Run"/> is what one thread does. It is compiled for the
/// device from its IL: no objects, no arrays, no exceptions.
/// </summary>
internal interface IDeviceKernel
{
    /// <summary>One thread's work.</summary>
    void Run();
}

/// <summary>Where the device enters a kernel.</summary>
internal static class KernelEntry
{
    public static void Run<TKernel>(TKernel kernel)
        where TKernel : struct, IDeviceKernel => kernel.Run();
}

/// <summary>Which of the launched threads this is.</summary>
internal static class Threads
{
    /// <summary>Of all threads.</summary>
    public static int Index => Grid.IdxX * Group.DimX + Group.IdxX;

    /// <summary>The warp, of all warps.</summary>
    public static int Warp => Index / PerWarp;

    /// <summary>Within the warp.</summary>
    public static int Lane => Group.IdxX % PerWarp;

    /// <summary>Threads that run in step and exchange registers: 32, of which compilers for devices know; emulated, fewer may do.</summary>
    public static int PerWarp => ILGPU.Warp.WarpSize;
}
