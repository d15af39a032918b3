namespace MoA.Gpu.Tests.Cuda;

/// <summary>A test of the kernels in CUDA C++ on the processor; skipped, and saying so, where no compiler is installed.</summary>
public sealed class EmulatedFactAttribute : FactAttribute
{
    public EmulatedFactAttribute() => Skip = EmulatedLauncher.WhyNot;
}
