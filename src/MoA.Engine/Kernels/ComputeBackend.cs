using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// The one place through which the forward pass calls kernels: every operation of a transformer on some device. Tensors
/// are dense rows; <c>rows</c> says how many of a tensor's rows an operation uses. One pass runs at a time; any number of
/// models may share a backend.
/// </summary>
public abstract class ComputeBackend : IDisposable
{
    private readonly UseGuard _use = new("The device is", typeof(ComputeBackend));

    private protected ComputeBackend(NativeAllocator allocator) => Allocator = allocator;

    /// <summary>Counts all memory of activations and caches.</summary>
    public NativeAllocator Allocator { get; }

    /// <summary>Threads of the processor that it may use.</summary>
    public abstract int Threads { get; }

    /// <summary>What the backend runs on, for messages: "AVX2, 2 threads".</summary>
    public abstract string Description { get; }

    /// <summary>Starts the processor's backend.</summary>
    /// <param name="threads">Threads; 0 means one for each processor.</param>
    /// <param name="instructionSet">Vector width; null means the widest that the machine has.</param>
    public static ComputeBackend CreateCpu(int threads = 0, InstructionSet? instructionSet = null)
    {
        WorkerPool pool = new(threads > 0 ? threads : Environment.ProcessorCount);
        return (instructionSet ?? InstructionSets.Best) switch
        {
            InstructionSet.Vector512 => new CpuBackend<Simd512, System.Runtime.Intrinsics.Vector512<float>>(pool),
            InstructionSet.Vector256 => new CpuBackend<Simd256, System.Runtime.Intrinsics.Vector256<float>>(pool),
            InstructionSet.Vector128 => new CpuBackend<Simd128, System.Runtime.Intrinsics.Vector128<float>>(pool),
            _ => new CpuBackend<SimdScalar, float>(pool),
        };
    }

    /// <summary>Takes the device for a pass: its threads and scratch memory serve one caller at a time.</summary>
    /// <exception cref="ObjectDisposedException">The backend was disposed.</exception>
    /// <exception cref="InvalidOperationException">Another caller's pass is running.</exception>
    internal UseGuard.Use Use() => _use.TakeAlone();

    /// <summary>Room for activations, not cleared.</summary>
    internal Tensor Allocate(int rows, int columns)
    {
        _use.ThrowIfDisposed();
        return new Tensor(Allocator, rows, columns);
    }

    /// <summary>Copies rows of the embedding, widened: y[i] = embedding[tokens[i]].</summary>
    internal abstract void Embed(ReadOnlySpan<int> tokens, WeightTensor embedding, Tensor y);

    /// <summary>
    /// y = rmsnorm(x) over rows of <c>weight.Columns</c> elements; a tensor's row may hold several (norms over single
    /// heads). <paramref name="y"/> may be <paramref name="x"/>.
    /// </summary>
    internal abstract void RmsNorm(Tensor x, int rows, WeightTensor weight, float epsilon, Tensor y);

    /// <summary>y (+)= x·W' + b; x [rows, inputs], y [rows, outputs].</summary>
    internal abstract void Project(Tensor x, int rows, WeightTensor weight, WeightTensor? bias, Tensor y, bool accumulate = false);

    /// <summary>
    /// Fills <paramref name="angles"/> [rows, d] with the cosines (first half) and sines of position·θ.
    /// </summary>
    internal abstract void RopeAngles(ReadOnlySpan<int> positions, ReadOnlySpan<double> frequencies, Tensor angles);

    /// <summary>Rotates the heads of x in place.</summary>
    internal abstract void Rope(Tensor x, int rows, int headSize, RopePairs pairs, Tensor angles, bool inverse = false);

    /// <summary>gate := silu(gate)·up.</summary>
    internal abstract void SwiGlu(Tensor gate, Tensor up, int rows);

    /// <summary>Copies chosen rows: y[i] = x[rows[i]].</summary>
    internal abstract void Gather(Tensor x, ReadOnlySpan<int> rows, Tensor y);

    /// <summary>The first <paramref name="rows"/> rows as host memory.</summary>
    internal abstract ReadOnlySpan<float> Read(Tensor x, int rows);

    /// <summary>
    /// One layer's attention for a batch: stores new keys and values in the caches (rounded to their format) and writes
    /// every row's attention output.
    /// </summary>
    /// <param name="work">The batch's segments and work items.</param>
    /// <param name="layer">Layer.</param>
    /// <param name="queries">[rows, queryHeads·d], after RoPE.</param>
    /// <param name="keys">[rows, keyValueHeads·d], after RoPE; rounded in place.</param>
    /// <param name="values">[rows, keyValueHeads·d]; rounded in place.</param>
    /// <param name="outputs">[rows, queryHeads·d].</param>
    internal abstract void Attend(AttentionWork work, int layer, Tensor queries, Tensor keys, Tensor values, Tensor outputs);

    /// <summary>Waits for a pass that is running, and frees the device's resources.</summary>
    public void Dispose()
    {
        if (_use.Close())
            Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the device's resources; called once.</summary>
    private protected abstract void Free();
}
