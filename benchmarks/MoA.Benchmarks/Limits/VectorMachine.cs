using System.Diagnostics;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Benchmarks.Limits;

/// <summary>The limits of this machine in vectors of one width.</summary>
internal sealed unsafe class VectorMachine<TSimd, TVector> : Machine
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int MultiplyAddItems = 2048; // some hundredths of a second, as long as a slice of a kernel

    private readonly CpuBackend<TSimd, TVector> _backend;
    private readonly SharedMemory _memory;
    private readonly float[] _sums;

    public VectorMachine(InstructionSet instructionSet, int threads, SharedMemory memory)
        : this(instructionSet, new CpuBackend<TSimd, TVector>(new WorkerPool(threads)), memory)
    {
    }

    private VectorMachine(InstructionSet instructionSet, CpuBackend<TSimd, TVector> backend, SharedMemory memory)
        : base(instructionSet, backend)
    {
        _backend = backend;
        _memory = memory;
        _sums = new float[Math.Max(MultiplyAddItems, ReadItems)];
    }

    private int ReadItems => _memory.Floats.Length / MemoryReads<TSimd, TVector>.ElementsPerItem;

    protected override double MeasureMultiplyAdd()
    {
        fixed (float* sums = _sums)
        {
            MultiplyAddChains<TSimd, TVector> job = new(sums);
            long start = Stopwatch.GetTimestamp();
            _backend.Pool.Run(ref job, MultiplyAddItems);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            return MultiplyAddItems * MultiplyAddChains<TSimd, TVector>.FlopsPerItem / seconds;
        }
    }

    protected override double MeasureReads()
    {
        fixed (float* sums = _sums, floats = _memory.Floats)
        {
            MemoryReads<TSimd, TVector> job = new(floats, sums);
            long start = Stopwatch.GetTimestamp();
            _backend.Pool.Run(ref job, ReadItems);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            return (double)ReadItems * MemoryReads<TSimd, TVector>.ElementsPerItem * sizeof(float) / seconds;
        }
    }
}
