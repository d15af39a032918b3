using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace MoA.Engine.Numerics;

/// <summary>The vector widths that kernels are compiled for.</summary>
internal enum InstructionSet
{
    /// <summary>One number at a time: the definition that the others are tested against.</summary>
    Scalar,

    /// <summary>128-bit vectors (SSE, Arm NEON).</summary>
    Vector128,

    /// <summary>256-bit vectors (AVX2 with FMA).</summary>
    Vector256,

    /// <summary>512-bit vectors (AVX-512).</summary>
    Vector512,
}

/// <summary>What this machine can run.</summary>
internal static class InstructionSets
{
    /// <summary>Environment variable that overrides <see cref="Best"/>: scalar, 128, 256 or 512.</summary>
    public const string Variable = "MOA_SIMD";

    /// <summary>
    /// The widest set that the processor has. <c>Vector512.IsHardwareAccelerated</c> is deliberately not asked: .NET
    /// reports false where it fears lower clocks, although the instructions are there.
    /// </summary>
    public static InstructionSet Best { get; } = FromEnvironment() ?? Detect();

    private static InstructionSet Detect()
    {
        if (Avx512F.IsSupported && Avx512BW.IsSupported)
            return InstructionSet.Vector512;
        if (Avx2.IsSupported && Fma.IsSupported)
            return InstructionSet.Vector256;
        return Sse2.IsSupported || AdvSimd.IsSupported ? InstructionSet.Vector128 : InstructionSet.Scalar;
    }

    private static InstructionSet? FromEnvironment() => Environment.GetEnvironmentVariable(Variable) switch
    {
        null or "" => null,
        "scalar" => InstructionSet.Scalar,
        "128" => InstructionSet.Vector128,
        "256" => InstructionSet.Vector256,
        "512" => InstructionSet.Vector512,
        string other => throw new InvalidInputException(
            $"{Variable}={other}: expected scalar, 128, 256 or 512; unset it to use the widest set of this machine"),
    };
}
