using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Models;
using MoA.Tests;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MoA.Engine.Tests.Generation;

/// <summary>Many sequences at once against one at a time.</summary>
public sealed class GenerationLoopTests
{
    private static readonly HashSet<int> NoStops = [];

    /// <summary>
    /// Runs of any lengths under plans of their own, some joining late, share steps of few rows. Replayed alone, each with
    /// its whole prompt at once, every token that was written has the largest logit (up to rounding).
    /// </summary>
    [Theory]
    [InlineData("llama-mha")]
    [InlineData("llama-gqa-llama3")]
    [InlineData("mistral")]
    [InlineData("qwen3")]
    public void Sequences_side_by_side_are_continued_as_if_alone(string name)
    {
        using LoadedModel model = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", name));
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer shared = new(model, backend, maxRows: 48);
        using Transformer alone = new(model, backend, maxRows: 512);
        Gen<ElasticRule> rules =
            from alpha in Gen.Elements<double>(-64, 0, 64, 130)
            from beta in Gen.Elements(0, 0.25, 0.5, 1)
            select new ElasticRule(alpha, beta);
        Gen<Request> requests =
            from prompt in Gen.OneOf(Gen.Choose(1, 3), Gen.Choose(60, 70), Gen.Choose(100, 330))
            from tokens in Gen.Choose(1, 12)
            from joins in Gen.Choose(0, 6)
            from layers in rules.ArrayOf(model.Config.QueryHeads).ArrayOf(model.Config.Layers)
            from dense in Gen.Elements(true, false, false, false)
            select new Request(prompt, tokens, joins, dense ? new DensePolicy() : new PlanPolicy(new AttentionPlan(layers, HeadKind.Query)));
        Gen<(Request[] Requests, int Seed)> cases =
            from count in Gen.Choose(2, 9)
            from drawn in requests.ArrayOf(count)
            from seed in Gen.Choose(0, int.MaxValue)
            select (drawn, seed);
        Prop.ForAll(cases.ToArbitrary(), test =>
        {
            Random random = new(test.Seed);
            int[][] prompts = [.. test.Requests.Select(request =>
                Enumerable.Range(0, request.Prompt).Select(_ => random.Next(model.Config.VocabularySize)).ToArray())];
            int[][] outputs = Together(shared, test.Requests, prompts);
            for (int i = 0; i < outputs.Length; i++)
                AssertLikeliest(alone, test.Requests[i], prompts[i], outputs[i]);
        }).Holds(8);
    }

    [Fact]
    public void More_runs_than_rows_wait_their_turn_and_all_end()
    {
        using LoadedModel model = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", "llama-mha"));
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(model, backend, maxRows: 2);
        Request[] requests = [.. Enumerable.Range(0, 7).Select(i => new Request(1 + i % 3, 4, 0, new DensePolicy()))];
        int[][] prompts = [.. requests.Select((request, i) => Enumerable.Range(i, request.Prompt).ToArray())];
        int[][] outputs = Together(transformer, requests, prompts);
        using Transformer alone = new(model, backend);
        for (int i = 0; i < requests.Length; i++)
            AssertLikeliest(alone, requests[i], prompts[i], outputs[i]);
    }

    /// <summary>More runs end their prompts in one step than logits are made at a time (64).</summary>
    [Fact]
    public void More_runs_than_logit_rows_each_get_their_own_logits()
    {
        using LoadedModel model = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", "llama-mha"));
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer transformer = new(model, backend);
        Request[] requests = [.. Enumerable.Range(0, 2 * Transformer.MaxLogitRows + 3).Select(_ => new Request(2, 3, 0, new DensePolicy()))];
        int[][] prompts = [.. requests.Select((_, i) => new[] { i % 128, i * 31 % 128 })];
        int[][] outputs = Together(transformer, requests, prompts);
        foreach (int i in new[] { 0, 1, 63, 64, 65, 127, 128, 130 })
            AssertLikeliest(transformer, requests[i], prompts[i], outputs[i]);
    }

    [Fact]
    public void A_run_that_cannot_go_is_refused_before_it_joins()
    {
        using LoadedModel model = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", "llama-mha"));
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(model, backend, maxRows: 8);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 6);
        GenerationLoop loop = new(transformer);
        _ = Assert.Throws<InvalidInputException>(() => loop.Add(Run(sequence, [1, 128], 2)));
        _ = Assert.Throws<ArgumentException>(() => loop.Add(Run(sequence, [1, 2, 3], 5)));
        _ = Assert.Throws<ArgumentException>(() => Run(sequence, [], 1));
        Assert.Equal(0, loop.ActiveRuns);
        GenerationRun fits = Run(sequence, [1, 2, 3], 4); // the fourth token is drawn, not read
        loop.Add(fits);
        _ = Assert.Throws<ArgumentException>(() => loop.Add(Run(sequence, [1], 1)));
        loop.RunToEnd();
        Assert.Equal((4, FinishReason.Length, 6), (fits.Output.Count, fits.Finish, sequence.Length));
        Assert.Equal(0, loop.Step());

        GenerationRun Run(SequenceCache cache, int[] prompt, int tokens) =>
            new(cache, prompt, tokens, new Sampler(SamplingOptions.Greedy, 128), NoStops);
    }

    [Fact]
    public void A_stop_token_ends_a_run_and_a_cancelled_loop_can_go_on()
    {
        using LoadedModel model = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", "llama-mha"));
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(model, backend, maxRows: 16);
        Request request = new(40, 10, 0, new DensePolicy());
        int[] prompt = [.. Enumerable.Range(0, 40).Select(i => i * 17 % 128)];
        int[] whole = Together(transformer, [request], [prompt])[0];
        int stop = whole[4];

        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 50, ElementType.F32);
        GenerationLoop loop = new(transformer);
        using CancellationTokenSource source = new();
        int seen = 0;
        GenerationRun run = new(
            sequence, prompt, 10, new Sampler(SamplingOptions.Greedy, 128), new HashSet<int> { stop },
            _ =>
            {
                if (++seen == 1)
                    source.Cancel();
                return false;
            });
        loop.Add(run);
        _ = Assert.ThrowsAny<OperationCanceledException>(() => loop.RunToEnd(source.Token));
        Assert.Equal(whole[..1], run.Output);
        loop.RunToEnd();
        Assert.Equal(FinishReason.Stop, run.Finish);
        Assert.Equal(whole[..(Array.IndexOf(whole, stop) + 1)], run.Output);
        Assert.Equal(run.Output.Count - 1, seen); // a stop token is not shown
    }

    private static int[][] Together(Transformer transformer, Request[] requests, int[][] prompts)
    {
        SequenceCache[] sequences = [.. requests.Select((request, i) =>
            transformer.CreateSequence(request.Policy, prompts[i].Length + request.Tokens, ElementType.F32))];
        GenerationRun[] runs = [.. requests.Select((request, i) => new GenerationRun(
            sequences[i], prompts[i], request.Tokens, new Sampler(SamplingOptions.Greedy, transformer.Config.VocabularySize), NoStops))];
        GenerationLoop loop = new(transformer);
        for (int step = 0; loop.ActiveRuns > 0 || requests.Any(request => request.JoinsAt >= step); step++)
        {
            for (int i = 0; i < runs.Length; i++)
            {
                if (requests[i].JoinsAt == step)
                    loop.Add(runs[i]);
            }

            Assert.InRange(loop.Step(), 0, transformer.MaxRows);
        }

        foreach (SequenceCache sequence in sequences)
            sequence.Dispose();
        Assert.All(runs, run => Assert.Equal(FinishReason.Length, run.Finish));
        return [.. runs.Select(run => run.Output.ToArray())];
    }

    private static void AssertLikeliest(Transformer transformer, Request request, int[] prompt, int[] output)
    {
        Assert.Equal(request.Tokens, output.Length);
        using SequenceCache sequence = transformer.CreateSequence(request.Policy, prompt.Length + request.Tokens, ElementType.F32);
        ForwardBatch batch = transformer.CreateBatch();
        int first = batch.Add(sequence, prompt, AttentionMode.Prefill);
        int last = first + prompt.Length - 1;
        for (int i = 0; i < output.Length; i++)
        {
            transformer.Forward(batch);
            float[] logits = PassLogits.Of(transformer, batch, last);
            float largest = TensorPrimitives.Max<float>(logits);
            // Both passes are within 1e-4 of the exact logits, relative to the largest of them, and both logits may be off.
            float allowed = 4e-4f * MathF.Abs(TensorPrimitives.MaxMagnitude<float>(logits));
            Assert.True(logits[output[i]] >= largest - allowed, $"token {i}: logit {logits[output[i]]}, largest {largest}");
            batch.Clear();
            last = batch.Add(sequence, output.AsSpan(i, 1), AttentionMode.Decode);
        }
    }

    private sealed record Request(int Prompt, int Tokens, int JoinsAt, AttentionPolicy Policy);
}
