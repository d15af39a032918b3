namespace MoA.Gpu.Cuda;

/// <summary>A kernel in CUDA C++ and what a launch of it takes.</summary>
/// <param name="Name">Its name in <see cref="EmbeddedPtx"/>.</param>
/// <param name="Threads">Threads of a group.</param>
/// <param name="SharedBytes">Shared memory of a group.</param>
internal sealed record CudaEntry(string Name, int Threads, int SharedBytes);
