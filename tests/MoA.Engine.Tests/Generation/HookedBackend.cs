using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Kernels.Gradients;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Generation;

/// <summary>The processor's backend with something that happens before every attention, and before weights are placed.</summary>
internal sealed class HookedBackend(ComputeBackend inner) : ComputeBackend(inner.Allocator)
{
    /// <summary>Called before the attention of each layer.</summary>
    public Action BeforeAttention { get; set; } = () => { };

    /// <summary>Called before each weight is placed.</summary>
    public Action BeforePlacing { get; set; } = () => { };

    public override int Threads => inner.Threads;

    public override string Description => inner.Description;

    internal override string Arithmetic => inner.Arithmetic;

    internal override ICacheMemory CacheMemory => inner.CacheMemory;

    internal override WeightTensor Place(WeightTensor weight)
    {
        BeforePlacing();
        return inner.Place(weight);
    }

    private protected override Tensor CreateTensor(int rows, int columns) => inner.Allocate(rows, columns);

    internal override void Embed(ReadOnlySpan<int> tokens, WeightTensor embedding, Tensor y) => inner.Embed(tokens, embedding, y);

    internal override void RmsNorm(Tensor x, int rows, WeightTensor weight, float epsilon, Tensor y) =>
        inner.RmsNorm(x, rows, weight, epsilon, y);

    internal override void Project(Tensor x, int rows, WeightTensor weight, WeightTensor? bias, Tensor y, bool accumulate = false) =>
        inner.Project(x, rows, weight, bias, y, accumulate);

    internal override void RopeAngles(
        ReadOnlySpan<int> positions, ReadOnlySpan<double> frequencies, float factor, Tensor angles, int firstRow = 0) =>
        inner.RopeAngles(positions, frequencies, factor, angles, firstRow);

    internal override void Rope(Tensor x, int rows, int headSize, RopePairs pairs, Tensor angles, bool inverse = false) =>
        inner.Rope(x, rows, headSize, pairs, angles, inverse);

    internal override void Activate(Activation activation, Tensor gate, Tensor up, int rows) => inner.Activate(activation, gate, up, rows);

    internal override void Scale(Tensor x, int rows, float factor) => inner.Scale(x, rows, factor);

    internal override void Add(Tensor x, int rows, float factor, Tensor y) => inner.Add(x, rows, factor, y);

    internal override void SoftCap(Tensor x, int rows, float cap) => inner.SoftCap(x, rows, cap);

    internal override void Gather(Tensor x, ReadOnlySpan<int> rows, Tensor y) => inner.Gather(x, rows, y);

    internal override void Read(Tensor x, int rows, Span<float> numbers) => inner.Read(x, rows, numbers);

    internal override void Write(ReadOnlySpan<float> numbers, int rows, Tensor x) => inner.Write(numbers, rows, x);

    internal override void Draw(Tensor logits, ReadOnlySpan<TokenDraw> draws, Span<int> tokens) => inner.Draw(logits, draws, tokens);

    internal override void Attend(
        AttentionWork work, int layer, Tensor queries, Tensor keys, Tensor values, Tensor outputs, in AttentionTraits traits = default)
    {
        BeforeAttention();
        inner.Attend(work, layer, queries, keys, values, outputs, traits);
    }

    internal override GradientKernels CreateGradients(ModelConfig config, int maxTokens) => inner.CreateGradients(config, maxTokens);

    internal override long GradientBytes(ModelConfig config, int maxTokens, long productElements) =>
        inner.GradientBytes(config, maxTokens, productElements);

    private protected override void Free() => inner.Dispose();
}
