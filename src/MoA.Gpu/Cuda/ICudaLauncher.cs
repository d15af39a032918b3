namespace MoA.Gpu.Cuda;

/// <summary>Runs the kernels in CUDA C++ of a device.</summary>
internal interface ICudaLauncher : IDisposable
{
    /// <summary>The most shared memory that a group of threads gets.</summary>
    int MostSharedBytes { get; }

    /// <summary>Launches a kernel after all that was launched before.</summary>
    /// <param name="entry">The kernel.</param>
    /// <param name="groups">Groups of threads.</param>
    /// <param name="arguments">What the kernel takes, laid out as there.</param>
    void Launch<TArguments>(CudaEntry entry, int groups, in TArguments arguments)
        where TArguments : unmanaged;
}
