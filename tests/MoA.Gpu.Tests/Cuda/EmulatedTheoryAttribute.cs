namespace MoA.Gpu.Tests.Cuda;

/// <inheritdoc cref="EmulatedFactAttribute"/>
public sealed class EmulatedTheoryAttribute : TheoryAttribute
{
    public EmulatedTheoryAttribute() => Skip = EmulatedLauncher.WhyNot;
}
