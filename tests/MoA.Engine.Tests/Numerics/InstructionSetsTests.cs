using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Numerics;

/// <summary>
/// <c>.ci/run</c> runs the kernels once more as processors without some instructions would. .NET has renamed its switches
/// before: here they must do what they say.
/// </summary>
public sealed class InstructionSetsTests
{
    [Fact]
    public void What_is_switched_off_is_off()
    {
        Assert.False(Off("AVX512") && (Avx512F.IsSupported || Avx512BW.IsSupported));
        Assert.False(Off("AVXVNNI") && AvxVnni.IsSupported);
        Assert.False(Off("AVX2") && (Avx2.IsSupported || Fma.IsSupported || AvxVnni.IsSupported || Avx512F.IsSupported));
        Assert.False(Off("HWIntrinsic") && (Sse.IsSupported || Sse2.IsSupported || AdvSimd.IsSupported));
    }

    [Fact]
    public void The_widest_set_is_what_is_left()
    {
        if (!string.IsNullOrEmpty(Environment.GetEnvironmentVariable(InstructionSets.Variable)))
            return;
        InstructionSet widest = Off("HWIntrinsic") ? InstructionSet.Scalar
            : Off("AVX2") ? InstructionSet.Vector128
            : Off("AVX512") ? InstructionSet.Vector256
            : InstructionSet.Vector512;
        Assert.InRange(InstructionSets.Best, InstructionSet.Scalar, widest);
        Assert.Equal(!Sse2.IsSupported && !AdvSimd.IsSupported, InstructionSets.Best == InstructionSet.Scalar);
    }

    private static bool Off(string instructions) => Environment.GetEnvironmentVariable($"DOTNET_Enable{instructions}") == "0";
}
