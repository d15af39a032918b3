using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using MoA.Engine;
using MoA.Gpu.Cuda;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Device;

/// <summary>
/// A device in use, and kernels compiled for it when they first run. Launches follow each other in the order of the calls, from
/// whatever threads these come.
/// </summary>
internal sealed class DeviceSession : IDisposable
{
    /// <summary>Threads of a device that run in step and exchange registers.</summary>
    public const int WarpSize = 32;

    /// <summary>The fewest that kernels are written for.</summary>
    public const int SmallestWarp = 4;

    // Each may then use 128 registers.
    private const int ThreadsPerGroup = 512;

    private readonly Context? _own;
    private readonly Dictionary<Type, Delegate> _launchers = [];
    private readonly int _warpsPerGroup;

    private DeviceSession(Accelerator accelerator, GpuDevice device, int warpsPerGroup, Context? own = null)
    {
        _own = own;
        Accelerator = accelerator;
        Device = device;
        _warpsPerGroup = warpsPerGroup;
    }

    public Accelerator Accelerator { get; }

    public GpuDevice Device { get; }

    /// <summary>Runs kernels in CUDA C++, which need tensor cores; null where there are none, as on the emulated device.</summary>
    public ICudaLauncher? Cuda { get; private init; }

    /// <summary>The kernels in C# that have run.</summary>
    public IReadOnlyCollection<Type> Kernels => _launchers.Keys;

    /// <summary>Opens a device of the machine, or the emulated one.</summary>
    /// <param name="id"><c>cuda</c>, the first one, or <c>cuda:N</c>; <c>emulated</c>, or <c>emulated:N</c> with warps of N threads.</param>
    /// <exception cref="InvalidInputException">There is no such device, or it cannot be used.</exception>
    public static DeviceSession Open(string id)
    {
        int emulated = Array.IndexOf(["emulated", "emulated:4", "emulated:8", "emulated:16", "emulated:32"], id);
        if (emulated >= 0)
        {
            int warp = emulated == 0 ? 16 : SmallestWarp << (emulated - 1);
            return Emulate(warpsPerGroup: ProductTile.ThreadsPerGroup / warp, warp);
        }

        int index = GpuDevices.IndexOf(id);
        if (!CudaDriver.IsInstalled)
            throw new InvalidInputException($"device {id}: this machine has no NVIDIA driver; install it, or run on the processor");
        Context.DeviceCollection<CudaDevice> devices = CudaDriver.Context.GetCudaDevices();
        if (index >= devices.Count)
        {
            string there = devices.Count switch
            {
                0 => "the driver reports none",
                1 => "there is cuda:0 alone",
                int count => $"there are cuda:0 to cuda:{count - 1}",
            };
            throw new InvalidInputException($"device {id}: no such device, {there}");
        }

        GpuDevice device = GpuDevices.Describe(devices[index], index);
        if (devices[index].Architecture is not { } architecture || architecture < CudaArchitecture.SM_80)
        {
            throw new InvalidInputException(
                $"device {id}: {device.Name} has compute capability {device.ComputeCapability}; 8.0 or more is needed");
        }

        try
        {
            CudaAccelerator accelerator = devices[index].CreateCudaAccelerator(CudaDriver.Context);
            return new DeviceSession(accelerator, device, warpsPerGroup: 4) { Cuda = new CudaLauncher(accelerator) };
        }
        catch (CudaException failure)
        {
            throw new InvalidInputException($"device {id}: the driver says: {failure.Message.ReplaceLineEndings(" ")}", failure);
        }
    }

    /// <summary>ILGPU's own device, which runs every kernel thread as a thread of the processor: for tests, and slow.</summary>
    /// <param name="warpsPerGroup">Warps that share a group's memory.</param>
    /// <param name="warpSize">Threads of a warp: the fewer, the less time goes into waiting for each other, but heads are limited to
    /// sixteen times as many numbers.</param>
    /// <param name="cuda">Makes what emulates the kernels in CUDA C++; left out, there are none.</param>
    public static DeviceSession Emulate(int warpsPerGroup = 2, int warpSize = WarpSize, Func<Accelerator, ICudaLauncher>? cuda = null)
    {
        CPUDevice device = new(warpSize, warpsPerGroup, numMultiprocessors: 1);
        Context context = CreateContext(builder => builder.CPU(device));
        GpuDevice description = new("emulated", device.Name, device.MemorySize, "none", device.NumMultiprocessors);
        Accelerator accelerator = device.CreateAccelerator(context);
        return new DeviceSession(accelerator, description, warpsPerGroup, context) { Cuda = cuda?.Invoke(accelerator) };
    }

    /// <summary>A context whose kernels are optimised, with the device's fast approximations of F32 functions.</summary>
    public static Context CreateContext(Func<Context.Builder, Context.Builder> devices) =>
        Context.Create(builder => devices(builder.Optimize(OptimizationLevel.O2).Math(MathMode.Fast)));

    /// <summary>Runs a kernel in which every warp has work of its own.</summary>
    public void RunWarps<TKernel>(in TKernel kernel, long warps)
        where TKernel : struct, IDeviceKernel =>
        Run(kernel, (warps + _warpsPerGroup - 1) / _warpsPerGroup, _warpsPerGroup * Accelerator.WarpSize);

    /// <summary>Runs a kernel in which every thread has work of its own.</summary>
    public void RunThreads<TKernel>(in TKernel kernel, long threads)
        where TKernel : struct, IDeviceKernel => RunWarps(kernel, (threads + Accelerator.WarpSize - 1) / Accelerator.WarpSize);

    /// <summary>Runs a kernel in which groups of threads work together.</summary>
    public void RunGroups<TKernel>(in TKernel kernel, long groups)
        where TKernel : struct, IDeviceKernel => Run(kernel, groups, Math.Min(ThreadsPerGroup, Accelerator.MaxNumThreadsPerGroup));

    /// <summary>Runs a kernel whose groups of threads each work on a tile of a product.</summary>
    public void RunTiles<TKernel>(in TKernel kernel, long tiles)
        where TKernel : struct, IDeviceKernel => Run(kernel, tiles, ProductTile.ThreadsPerGroup);

    public void Dispose()
    {
        Cuda?.Dispose();
        Accelerator.Dispose();
        _own?.Dispose();
    }

    private void Run<TKernel>(in TKernel kernel, long groups, int threads)
        where TKernel : struct, IDeviceKernel
    {
        if (groups <= 0)
            return;
        lock (_launchers)
            Launcher<TKernel>()(new KernelConfig(checked((int)groups), threads), kernel);
    }

    private Action<KernelConfig, TKernel> Launcher<TKernel>()
        where TKernel : struct, IDeviceKernel
    {
        if (_launchers.TryGetValue(typeof(TKernel), out Delegate? launcher))
            return (Action<KernelConfig, TKernel>)launcher;
        Action<KernelConfig, TKernel> compiled = Accelerator.LoadStreamKernel<TKernel>(KernelEntry.Run);
        _launchers.Add(typeof(TKernel), compiled);
        return compiled;
    }
}
