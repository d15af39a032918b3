namespace MoA.Gpu.Cuda;

/// <summary>What the driver's compiler made of a kernel.</summary>
/// <param name="Name">The kernel, as it is written in C#, or its name in CUDA C++.</param>
/// <param name="Registers">Of a thread.</param>
/// <param name="LocalBytes">Memory of a thread that registers had no room for; 0 is what is wanted.</param>
/// <param name="SharedBytes">Fixed shared memory of a group.</param>
/// <param name="MostThreads">The most threads of a group with so many registers.</param>
internal sealed record KernelUse(string Name, int Registers, int LocalBytes, int SharedBytes, int MostThreads);
