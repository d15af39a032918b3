using System.Runtime.InteropServices;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels.Gradients;
using MoA.Engine.Kernels.Sparse;
using MoA.Engine.Kernels.Strips;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>The operations of a transformer on the processor, over vectors of one width.</summary>
internal sealed unsafe class CpuBackend<TSimd, TVector> : ComputeBackend
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    public CpuBackend(WorkerPool pool)
        : base(new NativeAllocator())
    {
        Pool = pool;
        Scratch = new WorkerScratch(Allocator, pool.Threads);
        _partials = new WorkerScratch(Allocator, 1);
        _targets = new StripTargets(TSimd.Width, pool.Threads);
        CacheMemory = new HostCacheMemory(Allocator);
    }

    // Partial results of decode attention, for all workers.
    private readonly WorkerScratch _partials;
    private readonly StripTargets _targets;

    public WorkerPool Pool { get; }

    public WorkerScratch Scratch { get; }

    internal override ICacheMemory CacheMemory { get; }

    public override int Threads => Pool.Threads;

    internal override WorkerPool Workers => Pool;

    // Where sine and power come from another library, RoPE's angles may differ in their last bit.
    internal override string Arithmetic =>
        (TSimd.Width == 1 ? "scalar" : $"simd{TSimd.Width * 32}")
        + (RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "" : $"-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}")
        + (OperatingSystem.IsLinux() ? "" : OperatingSystem.IsWindows() ? "-windows" : OperatingSystem.IsMacOS() ? "-macos" : "-other");

    public override string Description =>
        $"{(TSimd.Width == 1 ? "scalar" : $"{TSimd.Width * 32}-bit vectors")}, {Pool.Threads} threads";

    internal override void CheckWeights(ModelConfig config, IEnumerable<WeightTensor> weights)
    {
        if (weights.FirstOrDefault(weight => weight.Random is not null) is WeightTensor drawn)
        {
            throw new InvalidInputException(
                $"{drawn.Name} is drawn by the device that runs it, which the processor does not; write the model with 'moa model random' and name the file");
        }
    }

    internal override WeightTensor Place(WeightTensor weight) =>
        TSimd.Width == 1 ? weight : StripFormats<TSimd, TVector>.Create(weight, Pool, Allocator);

    private protected override Tensor CreateTensor(int rows, int columns) => new HostTensor(Allocator, rows, columns);

    internal override void Embed(ReadOnlySpan<int> tokens, WeightTensor embedding, Tensor y)
    {
        for (int i = 0; i < tokens.Length; i++)
        {
            NumberFormat<TSimd, TVector>.Widen(
                embedding.Type, embedding.Row(tokens[i]), y.Data + (nint)i * y.Columns, embedding.Columns);
        }
    }

    internal override void RmsNorm(Tensor x, int rows, WeightTensor weight, float epsilon, Tensor y)
    {
        int normRows = rows * (x.Columns / weight.Columns);
        RmsNorm<TSimd, TVector> job = new(x.Data, normRows, weight, epsilon, y.Data);
        Pool.Run(ref job, job.Items);
    }

    internal override void Project(
        Tensor x, int rows, WeightTensor weight, WeightTensor? bias, Tensor y, bool accumulate = false)
    {
        _targets.Add(weight, y.Data, 0, rows);
        Multiply(x, rows, default, accumulate);
        if (bias is not null)
            RowBias<TSimd, TVector>.Add(y.Data, rows, bias);
    }

    // Products of one format are one job, for which the inputs are rounded once.
    internal override void Project(Tensor x, int rows, ReadOnlySpan<Projection> products)
    {
        for (int i = 0; i < products.Length; i++)
        {
            _targets.Add(products[i].Weight, products[i].Output.Data, 0, rows);
            if (i + 1 == products.Length || products[i + 1].Weight.Type != products[i].Weight.Type)
                Multiply(x, rows, default, accumulate: false);
        }

        foreach (Projection product in products)
        {
            if (product.Bias is not null)
                RowBias<TSimd, TVector>.Add(product.Output.Data, rows, product.Bias);
        }
    }

    internal override void ChooseExperts(ExpertWork work, int rows, bool isNormalized)
    {
        ExpertChoice choice = new(work, isNormalized);
        Pool.Run(ref choice, rows);
        work.Order(rows);
    }

    internal override void EnterExperts(Tensor x, ExpertWork work, IReadOnlyList<FeedForwardWeights> experts)
    {
        // What a step reads depends on its rows; room for all of it is made once.
        _targets.Reserve(2 * work.Experts);
        // All experts of one row have the same inputs.
        bool isShared = work.Rows == 1;
        ulong multiplied = 0;
        while (AimAtExperts(work, experts, isInner: false, isShared, ref multiplied))
            Multiply(x, isShared ? 1 : work.Places, isShared ? default : work.Inputs, accumulate: false);
        ExpertBias<TSimd, TVector> bias = new(work, experts);
        Pool.Run(ref bias, work.Places);
    }

    internal override void LeaveExperts(ExpertWork work, IReadOnlyList<FeedForwardWeights> experts, Tensor y, bool accumulate)
    {
        ulong multiplied = 0;
        while (AimAtExperts(work, experts, isInner: true, isShared: false, ref multiplied))
            Multiply(work.Gate, work.Places, work.Inner, accumulate: false);
        ExpertSum<TSimd, TVector> sum = new(work, experts, y.Data, accumulate);
        Pool.Run(ref sum, work.Rows);
    }

    // Takes what is of one format, the first that has not been multiplied, for the next job; false where nothing is left.
    private bool AimAtExperts(ExpertWork work, IReadOnlyList<FeedForwardWeights> experts, bool isInner, bool isShared, ref ulong multiplied)
    {
        for (int expert = 0; expert < work.Experts; expert++)
        {
            int first = work.Starts[expert], rows = work.Starts[expert + 1] - first;
            if (rows == 0)
                continue;
            if (isInner)
            {
                Aim(experts[expert].Down, work.Outputs, first, first, rows, multiplied);
                continue;
            }

            int input = isShared ? 0 : first;
            Aim(experts[expert].Gate, work.Gate, first, input, rows, multiplied);
            Aim(experts[expert].Up, work.Up, first, input, rows, multiplied);
        }

        if (_targets.Count == 0)
            return false;
        multiplied |= Bit(_targets[0].Weight.Type);
        return true;
    }

    private void Aim(WeightTensor weight, Tensor output, int firstOutput, int firstRow, int rows, ulong multiplied)
    {
        if ((multiplied & Bit(weight.Type)) == 0 && (_targets.Count == 0 || _targets[0].Weight.Type == weight.Type))
            _targets.Add(weight, output.Data + (nint)firstOutput * output.Columns, firstRow, rows);
    }

    private static ulong Bit(ElementType type) => 1UL << (int)type;

    // Multiplies with what was gathered.
    private void Multiply(Tensor x, int rows, RowGroups order, bool accumulate)
    {
        try
        {
            if (TSimd.Width > 1)
                StripFormats<TSimd, TVector>.Multiply(Pool, Scratch, x.Data, rows, order, _targets, accumulate);
            for (int i = 0; i < _targets.Count && TSimd.Width == 1; i++)
            {
                WidenedProduct defined = new(Scratch, x.Data, order, _targets[i], accumulate);
                Pool.Run(ref defined, _targets[i].Weight.Rows);
            }
        }
        finally
        {
            _targets.Clear();
        }
    }

    internal override void RopeAngles(
        ReadOnlySpan<int> positions, ReadOnlySpan<double> frequencies, float factor, Tensor angles, int firstRow = 0)
    {
        int half = frequencies.Length;
        for (int row = 0; row < positions.Length; row++)
        {
            float* cosines = angles.Data + (nint)(firstRow + row) * 2 * half;
            for (int f = 0; f < half; f++)
            {
                (double sine, double cosine) = Math.SinCos(positions[row] * frequencies[f]);
                cosines[f] = (float)(factor * cosine);
                cosines[f + half] = (float)(factor * sine);
            }
        }
    }

    internal override void Rope(Tensor x, int rows, int headSize, RopePairs pairs, Tensor angles, bool inverse = false)
    {
        Rope<TSimd, TVector> job = new(x.Data, angles.Data, rows, x.Columns / headSize, headSize, angles.Columns, pairs, inverse);
        Pool.Run(ref job, job.Items);
    }

    internal override void Activate(Activation activation, Tensor gate, Tensor up, int rows)
    {
        GatedActivation<TSimd, TVector> job = new(activation, gate.Data, up.Data, (long)rows * gate.Columns);
        Pool.Run(ref job, job.Items);
    }

    internal override void Scale(Tensor x, int rows, float factor) => RunElements(new Scaled<TSimd, TVector>(factor), x, rows, x);

    internal override void Add(Tensor x, int rows, float factor, Tensor y) => RunElements(new ScaledSum<TSimd, TVector>(factor), x, rows, y);

    internal override void SoftCap(Tensor x, int rows, float cap) => RunElements(new SoftCapped<TSimd, TVector>(cap), x, rows, x);

    internal override void Gather(Tensor x, ReadOnlySpan<int> rows, Tensor y)
    {
        long bytes = x.Columns * 4L;
        for (int i = 0; i < rows.Length; i++)
            Buffer.MemoryCopy(x.Data + (nint)rows[i] * x.Columns, y.Data + (nint)i * x.Columns, bytes, bytes);
    }

    internal override void Read(Tensor x, int rows, Span<float> numbers) =>
        new ReadOnlySpan<float>(x.Data, rows * x.Columns).CopyTo(numbers);

    internal override void Write(ReadOnlySpan<float> numbers, int rows, Tensor x) =>
        numbers[..(rows * x.Columns)].CopyTo(new Span<float>(x.Data, rows * x.Columns));

    internal override void Run<TJob>(ref TJob job, int count) => Pool.Run(ref job, count);

    // Rows share the reading of weights: so many cost far less than as many steps, if not as little as one.
    internal override int StepTokens => 24;

    // Those whose queries fill a vector.
    internal override int PieceTokens(int group) => Math.Max(1, TSimd.Width / group);

    internal override void Draw(Tensor logits, ReadOnlySpan<TokenDraw> draws, Span<int> tokens)
    {
        double* scratch = (double*)Scratch.Shared(2L * TokenDraw.ScratchDoubles(logits.Columns) * Pool.Threads);
        fixed (TokenDraw* draw = draws)
        fixed (int* token = tokens)
        {
            TokenDrawJob job = new(logits.Data, logits.Columns, draw, scratch, token);
            Pool.Run(ref job, draws.Length);
        }
    }

    internal override void ChooseKeys(AttentionWork work, int layer, Tensor queries, Tensor keys, Tensor values, in AttentionTraits traits = default)
    {
        if (!work.Chooses(layer))
            return;
        AttentionInputs inputs = Inputs(work, layer, queries, keys, values, queries, traits);
        CacheRounding<TSimd, TVector> rounding = new(inputs, work);
        Pool.Run(ref rounding, work.RowBlockCount);
        SparseSelection<TSimd, TVector> selection = new(Scratch, inputs, work);
        Pool.Run(ref selection, work.Sparse.Choices);
        work.Chosen(layer);
    }

    private static AttentionInputs Inputs(
        AttentionWork work, int layer, Tensor queries, Tensor keys, Tensor values, Tensor outputs, in AttentionTraits traits) => new()
        {
            Queries = queries.Data,
            Keys = keys.Data,
            Values = values.Data,
            Outputs = outputs.Data,
            Layer = layer,
            QueryHeads = work.QueryHeads,
            KeyValueHeads = work.KeyValueHeads,
            HeadSize = work.HeadSize,
            Traits = traits,
        };

    internal override void Attend(
        AttentionWork work, int layer, Tensor queries, Tensor keys, Tensor values, Tensor outputs, in AttentionTraits traits = default)
    {
        if (work.Sparse.ChosenLayer != layer)
            ChooseKeys(work, layer, queries, keys, values, traits);
        AttentionInputs inputs = Inputs(work, layer, queries, keys, values, outputs, traits);
        if (work.GoesByAttention && work.DecodeCount > 0)
        {
            AttentionRecordJob<TSimd, TVector> makeRoom = new(Scratch, inputs, work, attended: false);
            Pool.Run(ref makeRoom, makeRoom.Items);
            LayerChoiceJob<TSimd, TVector> choice = new(Scratch, inputs, work);
            Pool.Run(ref choice, work.SegmentCount);
        }

        if (work.DecodeCount > 0)
        {
            work.Decode.Prepare(work, layer);
            float* partials = _partials.Floats(0, DecodeAttention<TSimd, TVector>.PartialFloats(work));
            DecodeAttention<TSimd, TVector> decode = new(Scratch, inputs, work, partials, Pool.Threads);
            Pool.Run(ref decode, work.Decode.TaskCount);
        }

        if (work.PrefillCount > 0)
        {
            bool chosen = work.Sparse.ChosenLayer == layer;
            if (!chosen)
            {
                CacheRounding<TSimd, TVector> rounding = new(inputs, work);
                Pool.Run(ref rounding, work.RowBlockCount);
            }

            work.OrderPrefill(layer);
            PrefillAttention<TSimd, TVector> prefill = new(Scratch, inputs, work);
            Pool.Run(ref prefill, work.OrderedCount);
            if (chosen)
            {
                SparseAttention<TSimd, TVector> sparse = new(Scratch, inputs, work);
                Pool.Run(ref sparse, work.Sparse.ItemCount);
            }

            CacheWrite<TSimd, TVector> write = new(inputs, work);
            Pool.Run(ref write, work.RowBlockCount);
        }

        if (work.GoesByAttention)
        {
            AttentionRecordJob<TSimd, TVector> note = new(Scratch, inputs, work, attended: true);
            Pool.Run(ref note, note.Items);
        }
    }

    internal override GradientKernels CreateGradients(ModelConfig config, int maxTokens) =>
        new CpuGradientKernels<TSimd, TVector>(this, config, maxTokens);

    internal override long GradientBytes(ModelConfig config, int maxTokens, long productElements) =>
        CpuGradientKernels<TSimd, TVector>.BytesOf(config, maxTokens, Threads, productElements);

    private protected override void Free()
    {
        Pool.Dispose();
        Scratch.Dispose();
        _partials.Dispose();
    }

    private void RunElements<TOperation>(TOperation operation, Tensor x, int rows, Tensor y)
        where TOperation : struct, IElementOperation<TVector>
    {
        ElementJob<TSimd, TVector, TOperation> job = new(operation, x.Data, y.Data, (long)rows * x.Columns);
        Pool.Run(ref job, job.Items);
    }
}
