using MoA.Engine.Attention;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;

namespace MoA.Engine.Tests.Models;

/// <summary>Nothing that a caller passes reaches native memory unchecked.</summary>
public sealed class ForwardGuardTests
{
    [Fact]
    public void Rows_outside_the_last_pass_and_batches_too_large_are_refused()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(fixture.Model, backend, maxRows: 70);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 200);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => transformer.Logits([0]).Length);
        ForwardBatch batch = transformer.CreateBatch();
        _ = batch.Add(sequence, fixture.Tokens.AsSpan(0, 3), AttentionMode.Prefill);
        transformer.Forward(batch);
        Assert.Equal(3 * fixture.Model.Config.VocabularySize, transformer.Logits([0, 2, 2]).Length);
        Assert.Equal(0, transformer.Logits([]).Length);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => transformer.Logits([3]).Length);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => transformer.Logits([-1]).Length);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => transformer.Logits(new int[Transformer.MaxLogitRows + 1]).Length);

        ForwardBatch large = new(fixture.Model.Config, 100);
        _ = large.Add(sequence, fixture.Tokens.AsSpan(0, 71), AttentionMode.Prefill);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => transformer.Forward(large));
        Assert.Equal(3, sequence.Length);
    }

    [Fact]
    public void A_refused_addition_leaves_the_batch_as_it_was()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(fixture.Model, backend, maxRows: 8);
        using SequenceCache first = transformer.CreateSequence(new DensePolicy(), 6), second = transformer.CreateSequence(new DensePolicy(), 6);
        ForwardBatch batch = transformer.CreateBatch();
        Assert.Equal(0, batch.Add(first, [1, 2, 3], AttentionMode.Prefill));
        _ = Assert.Throws<InvalidInputException>(() => batch.Add(second, [1, 2, 500], AttentionMode.Prefill));
        _ = Assert.Throws<ArgumentException>(() => batch.Add(second, [1, 2], AttentionMode.Decode));
        _ = Assert.Throws<InvalidOperationException>(() => batch.Add(second, [1, 2, 3, 4, 5, 6], AttentionMode.Prefill));
        Assert.Equal((3, 5), (batch.Rows, batch.Room));
        Assert.Equal(3, batch.Add(second, [4], AttentionMode.Decode));
        transformer.Forward(batch);
        Assert.Equal((3, 1), (first.Length, second.Length));
        batch.Clear();
        Assert.Equal((0, 8), (batch.Rows, batch.Room));
    }
}
