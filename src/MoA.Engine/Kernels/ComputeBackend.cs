using MoA.Engine.Configuration;
using MoA.Engine.Kernels.Gradients;
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

    /// <summary>Counts the processor's memory of activations and caches.</summary>
    internal NativeAllocator Allocator { get; }

    /// <summary>Bytes of activations, caches and placed weights on the device now.</summary>
    public virtual long AllocatedBytes => Allocator.AllocatedBytes;

    /// <summary>The most bytes that were allocated on the device at one time.</summary>
    public virtual long PeakBytes => Allocator.PeakBytes;

    /// <summary>Threads of the processor that it may use.</summary>
    public abstract int Threads { get; }

    /// <summary>The threads that run its operations; null for a device, which runs them itself.</summary>
    internal virtual WorkerPool? Workers => null;

    /// <summary>Generated tokens up to which a pass costs little more than one; 1 where a sequence's step takes no drafts.</summary>
    internal virtual int StepTokens => 1;

    /// <summary>The smallest of <see cref="Attention.ElasticRule.Blocks"/> that kernels know.</summary>
    internal virtual int LeastBlock => Attention.ElasticRule.Blocks[0];

    /// <summary>Whether influence can be taken under a plan, and in the order of scores.</summary>
    internal virtual bool TakesInfluenceOfPlans => true;

    /// <summary>Tokens of a prompt that the processor reads in one pass unless told otherwise.</summary>
    public const int ProcessorPassTokens = 512;

    /// <summary>Tokens of a prompt that are best read in one pass.</summary>
    internal virtual int PassTokens => ProcessorPassTokens;

    /// <summary>Tokens of a prompt that attention reads at the cost of one behind many others.</summary>
    /// <param name="group">Query heads of a KV head.</param>
    internal virtual int PieceTokens(int group) => 8;

    /// <summary>What else can be read off the device; null for the processor.</summary>
    internal virtual DeviceGauge? Gauge => null;

    /// <summary>What the backend runs on, for messages: "AVX2, 2 threads".</summary>
    public abstract string Description { get; }

    /// <summary>What sums and products are made with: backends of the same name give the same bits.</summary>
    internal abstract string Arithmetic { get; }

    /// <summary>Starts the processor's backend.</summary>
    /// <param name="threads">Threads; 0 means one for each processor.</param>
    public static ComputeBackend CreateCpu(int threads = 0) => CreateCpu(threads, InstructionSets.Best);

    /// <summary>Starts the processor's backend for vectors of a width.</summary>
    /// <param name="threads">Threads; 0 means one for each processor.</param>
    /// <param name="instructionSet">Vector width.</param>
    internal static ComputeBackend CreateCpu(int threads, InstructionSet instructionSet)
    {
        WorkerPool pool = new(threads > 0 ? threads : Environment.ProcessorCount);
        return instructionSet switch
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
    internal UseGuard.Use Use()
    {
        UseGuard.Use use = _use.TakeAlone();
        Enter();
        return use;
    }

    /// <summary>Called on the thread that has taken the device.</summary>
    private protected virtual void Enter()
    {
    }

    /// <summary>Room for activations, not cleared.</summary>
    /// <exception cref="ObjectDisposedException">The backend was disposed.</exception>
    internal Tensor Allocate(int rows, int columns)
    {
        _use.ThrowIfDisposed();
        return CreateTensor(rows, columns);
    }

    private protected abstract Tensor CreateTensor(int rows, int columns);

    /// <summary>Where the rows of sequences are.</summary>
    internal abstract ICacheMemory CacheMemory { get; }

    /// <summary>Whether the operations read weights where and as they are stored, so that placing them is a choice.</summary>
    internal virtual bool ReadsStored => true;

    /// <summary>A copy of a weight in the device's memory, as its operations take it; to be disposed. On a caller that has taken the device.</summary>
    /// <exception cref="OutOfMemoryException">The memory is not to be had.</exception>
    internal abstract WeightTensor Place(WeightTensor weight);

    /// <summary>Refuses weights for which the device has no room or no kernels, before any of them is placed.</summary>
    /// <exception cref="InvalidInputException">The device cannot take them.</exception>
    internal virtual void CheckWeights(ModelConfig config, IEnumerable<WeightTensor> weights)
    {
    }

    /// <summary>Refuses what the device's memory has no room for, before any of it is taken.</summary>
    /// <param name="bytes">Bytes.</param>
    /// <param name="what">What they are for, for the message.</param>
    /// <param name="mend">What would help, for the message.</param>
    /// <exception cref="InvalidInputException">There is too little.</exception>
    internal virtual void CheckRoom(long bytes, string what, string mend)
    {
    }

    /// <summary>Bytes that work may take where nobody sets a limit: half of the machine's memory, or what a device has free.</summary>
    internal virtual long AvailableBytes => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;

    /// <summary>Whether a sequence's rows are where the operations read them: caches of another device are not.</summary>
    internal virtual bool Holds(SequenceCache sequence) => sequence.Rows is HostRows;

    /// <summary>Makes ready what a pass over the batch needs on the device; once a pass, before its first operation.</summary>
    internal virtual void Prepare(AttentionWork work)
    {
    }

    /// <summary>Waits until everything that was asked for is done: some devices run behind.</summary>
    internal virtual void Synchronize()
    {
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

    /// <summary>The products of the same inputs with several weights; a backend may compute them side by side.</summary>
    internal virtual void Project(Tensor x, int rows, ReadOnlySpan<Projection> products)
    {
        foreach (Projection product in products)
            Project(x, rows, product.Weight, product.Bias, product.Output);
    }

    /// <summary>Chooses the experts of each row by the scores of the work, and orders the rows by them.</summary>
    /// <param name="work">Takes the choice.</param>
    /// <param name="rows">Rows of scores.</param>
    /// <param name="isNormalized">Whether the weights of a row's experts add up to 1, or are shares of all experts' softmax.</param>
    internal virtual void ChooseExperts(ExpertWork work, int rows, bool isNormalized) => throw NoExperts();

    /// <summary>Gate and up of each chosen expert for the rows of <paramref name="x"/> that use it, biases added.</summary>
    internal virtual void EnterExperts(Tensor x, ExpertWork work, IReadOnlyList<FeedForwardWeights> experts) => throw NoExperts();

    /// <summary>y (+)= what each row's experts make of the rows of <see cref="ExpertWork.Gate"/>, by weight.</summary>
    internal virtual void LeaveExperts(ExpertWork work, IReadOnlyList<FeedForwardWeights> experts, Tensor y, bool accumulate) => throw NoExperts();

    /// <summary>
    /// Fills rows of <paramref name="angles"/>, as wide as twice the frequencies, with the cosines (first half) and sines of
    /// position·θ.
    /// </summary>
    /// <param name="positions">One for each row.</param>
    /// <param name="frequencies">θ, radians a token.</param>
    /// <param name="factor">What cosines and sines are multiplied by.</param>
    /// <param name="angles">Takes them.</param>
    /// <param name="firstRow">The first row to fill.</param>
    internal abstract void RopeAngles(ReadOnlySpan<int> positions, ReadOnlySpan<double> frequencies, float factor, Tensor angles, int firstRow = 0);

    /// <summary>Rotates the heads of x in place: as many of a head's components, the first ones, as a row of angles has.</summary>
    internal abstract void Rope(Tensor x, int rows, int headSize, RopePairs pairs, Tensor angles, bool inverse = false);

    /// <summary>gate := what the activation makes of gate and up, element by element.</summary>
    /// <exception cref="InvalidInputException">The device has no kernel for it.</exception>
    internal abstract void Activate(Activation activation, Tensor gate, Tensor up, int rows);

    /// <summary>x := factor·x.</summary>
    internal abstract void Scale(Tensor x, int rows, float factor);

    /// <summary>y += factor·x.</summary>
    internal abstract void Add(Tensor x, int rows, float factor, Tensor y);

    /// <summary>x := cap·tanh(x/cap).</summary>
    internal abstract void SoftCap(Tensor x, int rows, float cap);

    /// <summary>Copies chosen rows: y[i] = x[rows[i]].</summary>
    internal abstract void Gather(Tensor x, ReadOnlySpan<int> rows, Tensor y);

    /// <summary>Copies the first <paramref name="rows"/> rows out of the device.</summary>
    internal abstract void Read(Tensor x, int rows, Span<float> numbers);

    /// <summary>The first <paramref name="rows"/> rows, in a new array.</summary>
    internal float[] Read(Tensor x, int rows)
    {
        float[] numbers = new float[rows * x.Columns];
        Read(x, rows, numbers);
        return numbers;
    }

    /// <summary>Copies the first <paramref name="rows"/> rows onto the device.</summary>
    internal abstract void Write(ReadOnlySpan<float> numbers, int rows, Tensor x);

    /// <summary>
    /// Runs a job of the processor beside the device, with what threads the backend has; on a caller that has taken the device.
    /// </summary>
    internal virtual void Run<TJob>(ref TJob job, int count)
        where TJob : struct, IParallelJob
    {
        for (int i = 0; i < count; i++)
            job.Run(i, 0);
    }

    /// <summary>Draws a token from each of the first rows of logits, which need not leave the device; -1 where they are not finite.</summary>
    internal abstract void Draw(Tensor logits, ReadOnlySpan<TokenDraw> draws, Span<int> tokens);

    /// <summary>
    /// Chooses what prompts of sequences with a prefill policy attend to in a layer; <see cref="Attend"/> does where it has not been done. Devices refuse such sequences.
    /// </summary>
    /// <inheritdoc cref="Attend"/>
    internal virtual void ChooseKeys(AttentionWork work, int layer, Tensor queries, Tensor keys, Tensor values, in AttentionTraits traits = default)
    {
    }

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
    /// <param name="traits">What becomes of scores.</param>
    /// <exception cref="InvalidInputException">The device has no kernels for the traits; nothing has been done.</exception>
    internal abstract void Attend(
        AttentionWork work, int layer, Tensor queries, Tensor keys, Tensor values, Tensor outputs, in AttentionTraits traits = default);

    /// <summary>The operations of a backward pass on this device; to be disposed.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="maxTokens">The most tokens of an item.</param>
    /// <exception cref="InvalidInputException">The device has no kernels for the shape.</exception>
    internal abstract GradientKernels CreateGradients(ModelConfig config, int maxTokens);

    /// <summary>Bytes that a backward pass takes on the device beside its tensors.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="maxTokens">The most tokens of an item.</param>
    /// <param name="productElements">Elements of the largest tensor that is multiplied with a weight.</param>
    internal abstract long GradientBytes(ModelConfig config, int maxTokens, long productElements);

    private NotSupportedException NoExperts() => new($"{Description} has no kernels for experts.");

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
