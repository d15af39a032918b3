using MoA.Gpu.Cuda;

namespace MoA.Gpu.Tests.Cuda;

/// <summary>The comparison that runs on a card, here on emulated devices and small shapes.</summary>
public sealed class TensorCoreCheckTests
{
    [EmulatedFact]
    public void Kernels_equal_their_portable_twins()
    {
        using Emulated device = new(tensorCores: true);
        TensorCoreCheck[] checks = [.. new TensorCoreChecks(device.Session, device.Memory).Run(
            [new(5, 40, 72), new(33, 27, 90)], [new(64, 1, 2, [2, 1], 150, 9, null), new(80, 2, 1, [1], 60, 7, 50)])];
        Assert.Equal(9, checks.Length);
        Assert.All(checks, check => Assert.True(check.Holds, $"{check}"));
        Assert.Equal("prefill attention 1 x 2 heads of 64, 150 + 9 tokens, blocks 2/1", checks[4].Name);
    }

    [Theory]
    [InlineData(1.0f, true)]
    [InlineData(1.25f, false)]
    [InlineData(float.NaN, false)]
    public void Differences_are_relative_and_what_is_no_number_fails(float number, bool holds) =>
        Assert.Equal(holds, TensorCoreCheck.Of("", [number, -1], [1, -1], 0.1).Holds);
}
