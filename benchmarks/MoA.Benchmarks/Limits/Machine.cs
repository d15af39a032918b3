using System.Runtime.Intrinsics;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Benchmarks.Limits;

/// <summary>
/// This machine as vectors of one width see it: its limits, measured on the threads that also run the kernels.
/// </summary>
internal abstract class Machine : IDisposable
{
    protected Machine(InstructionSet instructionSet, ComputeBackend backend)
    {
        InstructionSet = instructionSet;
        Backend = backend;
    }

    public InstructionSet InstructionSet { get; }

    public ComputeBackend Backend { get; }

    /// <summary>The name in reports.</summary>
    public string Name => NameOf(InstructionSet);

    /// <summary>The sets that the engine uses on machines of this kind: AVX-512 and AVX2, or else 128-bit vectors.</summary>
    public static IReadOnlyList<InstructionSet> InstructionSetsHere => InstructionSets.Best switch
    {
        InstructionSet.Vector512 => [InstructionSet.Vector512, InstructionSet.Vector256],
        InstructionSet best => [best],
    };

    /// <summary>Starts the threads.</summary>
    /// <param name="set">Vector width.</param>
    /// <param name="threads">At least 1.</param>
    /// <param name="memory">What the read bandwidth is measured on.</param>
    public static Machine Create(InstructionSet set, int threads, SharedMemory memory) => set switch
    {
        InstructionSet.Vector512 => new VectorMachine<Simd512, Vector512<float>>(set, threads, memory),
        InstructionSet.Vector256 => new VectorMachine<Simd256, Vector256<float>>(set, threads, memory),
        InstructionSet.Vector128 => new VectorMachine<Simd128, Vector128<float>>(set, threads, memory),
        _ => new VectorMachine<SimdScalar, float>(set, threads, memory),
    };

    /// <summary>The name of a set in reports.</summary>
    public static string NameOf(InstructionSet set) => set switch
    {
        InstructionSet.Vector512 => "avx512",
        InstructionSet.Vector256 => "avx2",
        InstructionSet.Vector128 => "vector128",
        _ => "scalar",
    };

    /// <summary>Measures a limit for some hundredths of a second: operations or bytes a second.</summary>
    public double Measure(Limit limit) => limit == Limit.MultiplyAdd ? MeasureMultiplyAdd() : MeasureReads();

    /// <inheritdoc/>
    public void Dispose() => Backend.Dispose();

    protected abstract double MeasureMultiplyAdd();

    protected abstract double MeasureReads();
}
