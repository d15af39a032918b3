using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Tests.Models;

/// <summary>
/// Nothing that a caller does through the public API reaches native memory unchecked: wrong rows, wrong order, two callers, use
/// after disposal, caches of another model.
/// </summary>
public sealed class ForwardGuardTests
{
    [Fact]
    public void Rows_outside_the_last_pass_and_batches_too_large_are_refused()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(fixture.Model, backend, maxRows: 70);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 200);
        ForwardBatch batch = transformer.CreateBatch();
        float[] logits = new float[3 * fixture.Model.Config.VocabularySize];
        _ = Assert.Throws<InvalidOperationException>(() => transformer.Logits(batch, [0], logits));
        _ = batch.Add(sequence, fixture.Tokens.AsSpan(0, 3), AttentionMode.Prefill);
        transformer.Forward(batch);
        transformer.Logits(batch, [0, 2, 2], logits);
        transformer.Logits(batch, [], []);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => transformer.Logits(batch, [3], logits));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => transformer.Logits(batch, [-1], logits));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => transformer.Logits(batch, new int[Transformer.MaxLogitRows + 1], logits));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => transformer.Logits(batch, [0, 1, 2], logits.AsSpan(1)));

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
        using SequenceCache evicting = transformer.CreateSequence(new H2oPolicy(ElasticRule.Dense), 6);
        _ = Assert.Throws<ArgumentException>(() => batch.Add(evicting, [1, 2], AttentionMode.Decode));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => batch.Add(second, [], AttentionMode.Prefill));
        _ = Assert.Throws<InvalidOperationException>(() => batch.Add(second, [1, 2, 3, 4, 5, 6], AttentionMode.Prefill));
        Assert.Equal((3, 5), (batch.Rows, batch.Room));
        Assert.Equal(3, batch.Add(second, [4], AttentionMode.Decode));
        transformer.Forward(batch);
        Assert.Equal((3, 1), (first.Length, second.Length));
        batch.Clear();
        Assert.Equal((0, 8), (batch.Rows, batch.Room));
    }

    [Fact]
    public void Logits_of_a_pass_are_gone_once_another_batch_ran()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(fixture.Model, backend, maxRows: 8);
        using SequenceCache mine = transformer.CreateSequence(new DensePolicy(), 8), theirs = transformer.CreateSequence(new DensePolicy(), 8);
        ForwardBatch first = transformer.CreateBatch(), second = transformer.CreateBatch();
        _ = first.Add(mine, [1, 2], AttentionMode.Prefill);
        _ = second.Add(theirs, [3, 4], AttentionMode.Prefill);
        transformer.Forward(first);
        transformer.Forward(second);
        _ = Assert.Throws<InvalidOperationException>(() => PassLogits.Of(transformer, first, 0));
        Assert.Equal(transformer.Config.VocabularySize, PassLogits.Of(transformer, second, 1).Length);
    }

    [Fact]
    public void A_batch_or_caches_of_another_model_are_refused_even_of_the_same_shape()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha"), same = ModelFixture.Load("llama-mha"), other = ModelFixture.Load("qwen3");
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(fixture.Model, backend, maxRows: 8);
        foreach (LoadedModel model in new[] { same.Model, other.Model })
        {
            using SequenceCache foreign = new(model.Config, new DensePolicy(), 8, ElementType.F32, backend.Allocator);
            ForwardBatch batch = transformer.CreateBatch();
            _ = Assert.Throws<ArgumentException>(() => batch.Add(foreign, [1], AttentionMode.Prefill));
            Assert.Equal(0, batch.Rows);
            ForwardBatch theirs = new(model.Config, 8);
            _ = theirs.Add(foreign, [1], AttentionMode.Prefill);
            _ = Assert.Throws<ArgumentException>(() => transformer.Forward(theirs));
            Assert.Equal(0, foreign.Length);
            GenerationLoop loop = new(transformer);
            _ = Assert.Throws<ArgumentException>(() => loop.Add(Run(foreign)));
        }
    }

    [Theory]
    [InlineData("extended")]
    [InlineData("run by another batch")]
    [InlineData("filled")]
    public void Work_prepared_before_its_sequence_changed_is_refused(string change)
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(fixture.Model, backend, maxRows: 8);
        using SequenceCache sequence = transformer.CreateSequence(new StreamingLlmPolicy(new ElasticRule(128, 0)), 8);
        ForwardBatch batch = transformer.CreateBatch(), other = transformer.CreateBatch();
        _ = batch.Add(sequence, [1, 2], AttentionMode.Prefill);
        _ = other.Add(sequence, [3], AttentionMode.Prefill);
        if (change == "extended")
            sequence.Extend(1000);
        else if (change == "filled")
            sequence.FillRandom(3, 1);
        else
            transformer.Forward(other);
        int length = sequence.Length;
        _ = Assert.Throws<InvalidOperationException>(() => transformer.Forward(batch));
        Assert.Equal(length, sequence.Length);

        // Nothing stays taken: the same batch, added again, runs.
        batch.Clear();
        _ = batch.Add(sequence, [1, 2], AttentionMode.Prefill);
        transformer.Forward(batch);
        Assert.Equal(length + 2, sequence.Length);
    }

    [Fact]
    public void What_was_disposed_is_refused_by_everything_that_would_use_it()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        Transformer transformer = new(fixture.Model, backend, maxRows: 8);
        SequenceCache gone = transformer.CreateSequence(new DensePolicy(), 8);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 8);
        ForwardBatch batch = transformer.CreateBatch(), withGone = transformer.CreateBatch();
        GenerationLoop loop = new(transformer);
        loop.Add(Run(gone));
        _ = withGone.Add(sequence, [1], AttentionMode.Prefill);
        _ = withGone.Add(gone, [1], AttentionMode.Prefill);
        gone.Dispose();
        gone.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => batch.Add(gone, [1], AttentionMode.Prefill));
        _ = Assert.Throws<ObjectDisposedException>(() => transformer.Forward(withGone));
        _ = Assert.Throws<ObjectDisposedException>(() => gone.Extend(100));
        _ = Assert.Throws<ObjectDisposedException>(() => gone.FillRandom(1, 1));
        _ = Assert.Throws<ObjectDisposedException>(() => loop.Step());
        _ = Assert.Throws<ObjectDisposedException>(() => new GenerationLoop(transformer).Add(Run(gone)));

        _ = batch.Add(sequence, [1], AttentionMode.Prefill);
        transformer.Forward(batch);
        transformer.Dispose();
        transformer.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => transformer.Forward(batch));
        _ = Assert.Throws<ObjectDisposedException>(() => PassLogits.Of(transformer, batch, 0));
        _ = Assert.Throws<ObjectDisposedException>(() => new SequenceScorer(transformer).Score([1, 2], [false, true]));
    }

    [Fact]
    public void A_pass_over_disposed_weights_or_on_a_disposed_backend_is_refused()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        ComputeBackend gone = ComputeBackend.CreateCpu(2);
        using Transformer onGone = new(fixture.Model, gone, maxRows: 8), transformer = new(fixture.Model, backend, maxRows: 8);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 8);
        ForwardBatch batch = transformer.CreateBatch();
        _ = batch.Add(sequence, [1], AttentionMode.Prefill);
        gone.Dispose();
        gone.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => onGone.Forward(batch));
        _ = Assert.Throws<ObjectDisposedException>(() => new Transformer(fixture.Model, gone));
        fixture.Model.Dispose();
        fixture.Model.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => transformer.Forward(batch));
        _ = Assert.Throws<ObjectDisposedException>(() => new Transformer(fixture.Model, backend));
        Assert.Equal(0, sequence.Length);
    }

    /// <summary>
    /// While a pass holds them, everything it uses refuses a second caller, who has changed nothing; and disposal waits. The pass is
    /// stood still by taking what it takes.
    /// </summary>
    [Fact]
    public async Task A_second_caller_gets_an_exception_at_once_and_disposal_waits()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using ComputeBackend backend = ComputeBackend.CreateCpu(1), own = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(fixture.Model, backend, maxRows: 8), beside = new(fixture.Model, own, maxRows: 8);
        using Transformer neighbour = new(fixture.Model, backend, maxRows: 8);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 8), free = transformer.CreateSequence(new DensePolicy(), 8);
        ForwardBatch held = transformer.CreateBatch(), batch = transformer.CreateBatch(), alone = transformer.CreateBatch();
        _ = held.Add(sequence, [1], AttentionMode.Prefill);
        _ = batch.Add(sequence, [1], AttentionMode.Prefill);
        _ = alone.Add(free, [1], AttentionMode.Prefill);
        Task disposal;
        using (UseGuard.Use device = backend.Use())
        {
            // Another model on the same device, too.
            _ = Assert.Throws<InvalidOperationException>(() => transformer.Forward(alone));
            _ = Assert.Throws<InvalidOperationException>(() => neighbour.Forward(alone));
        }

        using (ForwardBatch.Held sequences = held.Hold(transformer.Config))
        {
            _ = Assert.Throws<InvalidOperationException>(() => transformer.Forward(batch));
            _ = Assert.Throws<InvalidOperationException>(() => beside.Forward(batch));
            _ = Assert.Throws<InvalidOperationException>(() => held.Clear());
            _ = Assert.Throws<InvalidOperationException>(() => held.Add(free, [1], AttentionMode.Prefill));
            _ = Assert.Throws<InvalidOperationException>(() => sequence.Extend(100));
            disposal = Task.Run(sequence.Dispose);
            beside.Forward(alone); // the same weights, other threads, other caches
        }

        await disposal;
        _ = Assert.Throws<ObjectDisposedException>(() => sequence.Extend(100));
        Assert.Equal((0, 1), (sequence.Length, free.Length));
    }

    /// <summary>
    /// Callers that share a model either get what each would have got alone or an exception. Before the pass was guarded, one in
    /// twelve got another's text.
    /// </summary>
    [Fact]
    public void Callers_on_one_model_get_their_own_tokens_or_an_exception()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer transformer = new(fixture.Model, backend, maxRows: 16);
        int[][] prompts = [.. Enumerable.Range(0, 4).Select(i => fixture.Tokens.AsSpan(20 * i, 20).ToArray())];
        int[][] expected = [.. prompts.Select(prompt => Generate(prompt)!)];
        int finished = 0, refused = 0;
        for (int round = 0; round < 20 || (finished == 0 || refused == 0) && round < 2000; round++)
        {
            using Barrier start = new(prompts.Length);
            Thread[] callers = [.. prompts.Select((prompt, i) => new Thread(() =>
            {
                start.SignalAndWait();
                int[]? tokens = Generate(prompt);
                if (tokens is null)
                    _ = Interlocked.Increment(ref refused);
                else if (tokens.AsSpan().SequenceEqual(expected[i]))
                    _ = Interlocked.Increment(ref finished);
                else
                    _ = Interlocked.Exchange(ref finished, int.MinValue / 2);
            }))];
            foreach (Thread caller in callers)
                caller.Start();
            foreach (Thread caller in callers)
                caller.Join();
        }

        Assert.True(finished > 0, "A caller got another's tokens, or none ever came through.");
        Assert.True(refused > 0, "No two callers ever met.");

        int[]? Generate(int[] prompt)
        {
            using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 40);
            GenerationRun run = new(sequence, prompt, 20, new Sampler(new SamplingOptions(), transformer.Config.VocabularySize), new HashSet<int>());
            GenerationLoop loop = new(transformer);
            loop.Add(run);
            try
            {
                loop.RunToEnd();
            }
            catch (InvalidOperationException)
            {
                return null;
            }

            return [.. run.Output];
        }
    }

    private static GenerationRun Run(SequenceCache sequence) =>
        new(sequence, [1], 2, new Sampler(new SamplingOptions(), 8), new HashSet<int>());
}
