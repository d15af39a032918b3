using ILGPU.Runtime.Cuda;
using MoA.Gpu.Kernels;
using Xunit.Abstractions;

namespace MoA.Gpu.Tests.Ptx;

/// <summary>
/// PTX of every kernel, made without a device. The table of docs/gpu.md:
/// <c>dotnet test -c Release tests/MoA.Gpu.Tests --filter FullyQualifiedName~PtxTests --logger "console;verbosity=detailed"</c>.
/// </summary>
public sealed class PtxTests(ITestOutputHelper output)
{
    // What reads a few numbers here and there, or one of each row, or writes alone.
    private static readonly string[] Scattered = [nameof(RopeAngles), nameof(DecodePlaces), "CacheFill<CachedBF16>", "CacheFill<CachedQ8>"];

    public static TheoryData<int> Architectures => [80, 90];

    [Theory]
    [MemberData(nameof(Architectures))]
    public void Every_kernel_compiles_reads_rows_by_16_bytes_and_uses_no_local_memory(int architecture)
    {
        // Registers by LiveRegisters.
        IReadOnlyList<CompiledKernel> kernels = CompiledKernel.CompileAll(new CudaArchitecture(architecture / 10, architecture % 10));
        output.WriteLine($"sm_{architecture}");
        output.WriteLine("| kernel | registers | loads, of them of 16 bytes | bytes of shared memory, of PTX |");
        output.WriteLine("| --- | ---: | ---: | ---: |");
        foreach (CompiledKernel kernel in kernels)
        {
            string name = KernelCatalogue.Name(kernel.Kernel);
            output.WriteLine($"| `{name}` | {kernel.Registers} | {kernel.Loads.All}, {kernel.Loads.Wide} | {kernel.SharedBytes}, {kernel.Text.Length} |");
        }

        foreach (CompiledKernel kernel in kernels)
        {
            string name = KernelCatalogue.Name(kernel.Kernel);
            // ILGPU asks for no more than what it emits needs; the driver compiles that for its own device.
            Assert.Contains(".target sm_80", kernel.Text, StringComparison.Ordinal);
            Assert.False(kernel.UsesLocalMemory, $"{name} uses local memory or calls:\n{kernel.Text}");
            Assert.True(kernel.Loads.Wide > 0 || kernel.Loads.All == 0 || Scattered.Contains(name), $"{name} has no load of 16 bytes");
            Assert.True(
                !kernel.VanishingConstants.Any(),
                $"{name} has constants that a device takes for zero; of a condition, ILGPU makes such floats (write ? 1f : 0f):\n{kernel.Text}");
        }
    }

    /// <summary>A setting of ILGPU turns doubles into floats, which the emulated device does not show.</summary>
    [Theory]
    [InlineData(typeof(RopeAngles))]
    [InlineData(typeof(Sample))]
    public void Doubles_stay_doubles(Type kernel)
    {
        CompiledKernel compiled = CompiledKernel.CompileAll(CudaArchitecture.SM_80, [kernel]).Single();
        Assert.Contains("mul.f64", compiled.Text, StringComparison.Ordinal);
    }
}
