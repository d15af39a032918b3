using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;
using MoA.Gpu.Cuda;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;
using MoA.Gpu.Tests.Ptx;

namespace MoA.Gpu.Benchmarks.Parts;

/// <summary>What the driver's compiler made of the kernels that ran; without a GPU, whether PTX can be made of all of them.</summary>
internal static class KernelPart
{
    public const string Name = "kernels";

    public const double LeastSeconds = 10;

    public static void Run(PartScope scope, GpuBackend backend)
    {
        if (backend.Session.Cuda is null)
        {
            GeneratePtx(scope);
            return;
        }

        foreach (KernelUse use in KernelUses.Of(backend.Session).TakeWhile(_ => scope.Left > 0))
        {
            scope.Row(
                use.Name, ("registers", use.Registers), ("localBytes", use.LocalBytes), ("sharedBytes", use.SharedBytes), ("mostThreads", use.MostThreads));
        }
    }

    private static void GeneratePtx(PartScope scope)
    {
        using Context context = DeviceSession.CreateContext(builder => builder);
        using PTXBackend compiler = new(context, CudaArchitecture.SM_90, CudaInstructionSet.ISA_80, null!);
        int kernels = 0;
        long bytes = 0;
        foreach (Type kernel in KernelCatalogue.All)
        {
            EntryPointDescription entry = EntryPointDescription.FromExplicitlyGroupedKernel(
                typeof(KernelEntry).GetMethod(nameof(KernelEntry.Run))!.MakeGenericMethod(kernel));
            bytes += ((PTXCompiledKernel)compiler.Compile(entry, default)).PTXAssembly.Length;
            kernels++;
        }

        scope.Row("PTX of every kernel", ("kernels", kernels), ("bytes", bytes), ("embedded", EmbeddedPtx.Kernels.Count));
    }
}
