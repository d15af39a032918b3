using MoA.Engine.Configuration;
using MoA.Engine.Kernels.Gradients;
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
        CacheMemory = new HostCacheMemory(Allocator);
    }

    // Partial results of decode attention, for all workers.
    private readonly WorkerScratch _partials;

    public WorkerPool Pool { get; }

    public WorkerScratch Scratch { get; }

    internal override ICacheMemory CacheMemory { get; }

    public override int Threads => Pool.Threads;

    internal override WorkerPool Workers => Pool;

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
        Tensor x, int rows, WeightTensor weight, WeightTensor? bias, Tensor y, bool accumulate = false) =>
        Multiply(x, rows, [new Projection(weight, bias, y)], accumulate);

    // Products of one format are one job, for which the inputs are rounded once.
    internal override void Project(Tensor x, int rows, ReadOnlySpan<Projection> products)
    {
        while (!products.IsEmpty)
        {
            int count = 1;
            while (count < Math.Min(products.Length, StripTargets.Most) && products[count].Weight.Type == products[0].Weight.Type)
                count++;
            Multiply(x, rows, products[..count], accumulate: false);
            products = products[count..];
        }
    }

    private void Multiply(Tensor x, int rows, ReadOnlySpan<Projection> products, bool accumulate)
    {
        if (TSimd.Width > 1)
            StripFormats<TSimd, TVector>.Multiply(Pool, Scratch, x.Data, rows, products, accumulate);
        foreach (Projection product in products)
        {
            if (TSimd.Width == 1)
            {
                WidenedProduct defined = new(Scratch, x.Data, rows, product.Weight, product.Output.Data, accumulate);
                Pool.Run(ref defined, product.Weight.Rows);
            }

            if (product.Bias is not null)
                AddBias(product.Output.Data, rows, product.Bias);
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

    internal override void SwiGlu(Tensor gate, Tensor up, int rows)
    {
        SwiGlu<TSimd, TVector> job = new(gate.Data, up.Data, (long)rows * gate.Columns);
        Pool.Run(ref job, job.Items);
    }

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

    internal override void Attend(AttentionWork work, int layer, Tensor queries, Tensor keys, Tensor values, Tensor outputs)
    {
        AttentionInputs inputs = new()
        {
            Queries = queries.Data,
            Keys = keys.Data,
            Values = values.Data,
            Outputs = outputs.Data,
            Layer = layer,
            QueryHeads = work.QueryHeads,
            KeyValueHeads = work.KeyValueHeads,
            HeadSize = work.HeadSize,
        };
        if (work.GoesByAttention && work.DecodeCount > 0)
        {
            AttentionRecordJob<TSimd, TVector> makeRoom = new(Scratch, inputs, work, attended: false);
            Pool.Run(ref makeRoom, makeRoom.Items);
            BlockChoiceJob<TSimd, TVector> choice = new(Scratch, inputs, work);
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
            CacheRounding<TSimd, TVector> rounding = new(inputs, work);
            Pool.Run(ref rounding, work.RowBlockCount);
            work.OrderPrefill(layer);
            PrefillAttention<TSimd, TVector> prefill = new(Scratch, inputs, work);
            Pool.Run(ref prefill, work.PrefillCount);
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

    private static void AddBias(float* y, int rows, WeightTensor bias)
    {
        int size = bias.Type.BytesPerBlock();
        for (int row = 0; row < rows; row++, y += bias.Columns)
        {
            int i = 0;
            for (; i <= bias.Columns - TSimd.Width; i += TSimd.Width)
            {
                TVector b = SimdMath<TSimd, TVector>.Load(bias.Type, (byte*)bias.Data + i * size);
                TSimd.Store(y + i, TSimd.Add(TSimd.Load(y + i), b));
            }

            for (; i < bias.Columns; i++)
                y[i] += SimdMath<SimdScalar, float>.Load(bias.Type, (byte*)bias.Data + i * size);
        }
    }
}
