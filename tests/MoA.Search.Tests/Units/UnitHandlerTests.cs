using FsCheck;
using FsCheck.Fluent;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;
using MoA.Search.Profiling;
using MoA.Search.Units;
using MoA.Tests;

namespace MoA.Search.Tests.Units;

/// <summary>A unit that was written, read and computed has the result that one machine has without units.</summary>
public sealed class UnitHandlerTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private LanguageModel Model => demo.Model;

    [Theory]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.Q8_0)]
    public void Scores_are_those_of_the_scorer(ElementType cacheType)
    {
        StreamingLlmPolicy policy = new(new ElasticRule(0, 0.4));
        int[] tokens = Tokens(300, 1);
        bool[] marks = [.. tokens.Select((_, i) => i > 0 && i % 7 < 3)];
        foreach (int decodeFrom in new[] { int.MaxValue, 280 })
        {
            WorkUnit unit = ScoresUnit.Of(policy, cacheType, tokens, marks, "x:1", decodeFrom);
            double[] scores = ScoresUnit.ReadResult(Run(unit), marks.Count(mark => mark)).Scores;
            Assert.Equal(
                new SequenceScorer(Model.Transformer) { Policy = policy, CacheType = cacheType, DecodeFrom = decodeFrom }.Score(tokens, marks), scores);
            Assert.Equal(unit.Id, ScoresUnit.Of(policy, cacheType, tokens, marks, "elsewhere:9", decodeFrom).Id);
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("plan")]
    [InlineData("keydiff")]
    public void Influence_is_that_of_the_profiler_to_the_bit(string? way)
    {
        AttentionPolicy? policy = way switch
        {
            "plan" => new PlanPolicy(AttentionPlan.Uniform(Model.Config.Layers, Model.Config.KeyValueHeads, HeadKind.KeyValue, new ElasticRule(0, 0.5))),
            string scorer => ProfileRun.ContentOf(scorer, Model.Config),
            null => null,
        };
        int[] tokens = Tokens(301, 2);
        ProfileItem item = new(tokens, [new AnswerSpan(40, 50), new AnswerSpan(180, 260)], "x:1");
        using InfluenceProfiler profiler = new(Model.Loaded, Model.Transformer.Backend, 320)
        {
            Spans = (policy as PlanPolicy)?.Resolve(Model.Config, 320),
            Content = policy as ContentPlanPolicy,
        };
        ItemInfluence expected = profiler.Profile(item);
        ItemInfluence actual = InfluenceUnit.ReadResult(Run(InfluenceUnit.Of(item, 320, policy: policy, length: 320)), item, Model.Config);
        Assert.Equal((expected.Loss, expected.Blocks), (actual.Loss, actual.Blocks));
        foreach ((float[] one, float[] other) in expected.Layers.Zip(actual.Layers))
            Assert.Equal(one.Select(BitConverter.SingleToInt32Bits), other.Select(BitConverter.SingleToInt32Bits));
    }

    [Fact]
    public void Answers_are_those_of_the_loop()
    {
        Question[] group =
        [
            new(Tokens(60, 3), 20, Model.StopTokens, "x:1"), new(Tokens(200, 4), 30, Model.StopTokens.Append(5).ToHashSet(), "x:2") { MinNewTokens = 4 },
            new(Tokens(1, 5), 0, new HashSet<int>(), "x:3"),
        ];
        H2oPolicy policy = new(new ElasticRule(0, 0.75));
        GroupAnswers answers = AnswersUnit.ReadResult(Run(AnswersUnit.Of(policy, ElementType.F32, group)), 3, Model.Config);

        GenerationLoop loop = new(Model.Transformer);
        List<SequenceCache> caches = [];
        List<GenerationRun> runs = [];
        foreach (Question question in group)
        {
            caches.Add(Model.Transformer.CreateSequence(policy, question.Prompt.Length + question.MaxNewTokens, ElementType.F32));
            runs.Add(new GenerationRun(
                caches[^1], question.Prompt, question.MaxNewTokens, new Sampler(SamplingOptions.Greedy, Model.Config.VocabularySize), question.StopTokens)
            {
                MinNewTokens = question.MinNewTokens,
            });
            loop.Add(runs[^1]);
        }

        long processed = 0;
        while (loop.ActiveRuns > 0)
            processed += loop.Step();
        Assert.Equal(processed, answers.Processed);
        Assert.Equal(runs.Select(run => run.Output.ToArray()), answers.Answers.Select(answer => answer.Tokens));
        Assert.Equal(caches.Select(cache => cache.Bytes), answers.Answers.Select(answer => answer.KvBytes));
        caches.ForEach(cache => cache.Dispose());
    }

    /// <summary>Payloads and results that were cut off, lengthened or changed are refused in one line, or are others that can be computed.</summary>
    [Fact]
    public void Damaged_bytes_are_refused()
    {
        ProfileItem item = new(Tokens(101, 6), [new AnswerSpan(90, 95)], "x:1");
        bool[] marks = [.. Enumerable.Range(0, 40).Select(i => i > 30)];
        Question[] group = [new(Tokens(20, 8), 2, Model.StopTokens, "x:1") { ContextTokens = 15 }];
        WorkUnit[] units =
        [
            InfluenceUnit.Of(item, 128), ScoresUnit.Of(new DensePolicy(), ElementType.BF16, Tokens(40, 7), marks, "x:1"),
            AnswersUnit.Of(new SnapKvPolicy(new ElasticRule(200, 0)), ElementType.BF16, group),
        ];
        Func<ReadOnlyMemory<byte>, object>[] readers =
        [
            result => InfluenceUnit.ReadResult(result, item, Model.Config), result => ScoresUnit.ReadResult(result, 9),
            result => AnswersUnit.ReadResult(result, 1, Model.Config),
        ];
        foreach ((WorkUnit unit, Func<ReadOnlyMemory<byte>, object> read) in units.Zip(readers))
        {
            byte[] result = Run(unit);
            _ = read(result);
            foreach (int length in Enumerable.Range(0, 40).Concat([unit.Payload.Length / 2, unit.Payload.Length - 1]))
                Refused(unit.Kind, unit.Payload[..Math.Min(length, unit.Payload.Length - 1)]);
            Refused(unit.Kind, [.. unit.Payload, 0]);
            foreach (int length in new[] { 0, 1, 7, 8, 9, result.Length / 2, result.Length - 1 })
                _ = Assert.Throws<InvalidInputException>(() => read(result.AsMemory(0, length)));
            _ = Assert.Throws<InvalidInputException>(() => read((byte[])[.. result, 0]));
        }

        byte[] notANumber = Run(units[0]);
        BitConverter.TryWriteBytes(notANumber.AsSpan(8), float.NaN);
        _ = Assert.Throws<InvalidInputException>(() => readers[0](notANumber));

        Prop.ForAll(
            Gen.Choose(0, 2).SelectMany(unit => Gen.Choose(0, int.MaxValue - 1).Select(seed => (unit, seed))).ToArbitrary(),
            arguments =>
            {
                Random random = new(arguments.seed);
                byte[] damaged = [.. units[arguments.unit].Payload];
                for (int change = random.Next(1, 4); change > 0; change--)
                    damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                try
                {
                    _ = Handler(units[arguments.unit].Kind).Run(Model, damaged, CancellationToken.None);
                }
                catch (InvalidInputException failure)
                {
                    Assert.DoesNotContain('\n', failure.Message);
                }
            }).Holds(100);
    }

    [Fact]
    public void What_is_beyond_the_model_is_refused_in_its_words()
    {
        Question beyond = new([1, 2, 3], 1_000_000, Model.StopTokens, "f.jsonl:7");
        Assert.StartsWith("f.jsonl:7: 1000003 tokens, but", Refused("answers", AnswersUnit.Of(new DensePolicy(), ElementType.BF16, [beyond]).Payload), StringComparison.Ordinal);
        ProfileItem foreign = new([1, 2, 999_999], null, "f.jsonl:8");
        Assert.StartsWith("f.jsonl:8: token 999999:", Refused("influence", InfluenceUnit.Of(foreign, 2).Payload), StringComparison.Ordinal);
        byte[] scores = ScoresUnit.Of(new DensePolicy(), ElementType.BF16, [1, 999_999], [false, true], "f.jsonl:9").Payload;
        Assert.StartsWith("token 999999:", Refused("scores", scores), StringComparison.Ordinal);
        Assert.NotEqual(WorkUnit.IdOf("scores", scores), WorkUnit.IdOf("answers", scores));
    }

    private static IUnitHandler Handler(string kind) => UnitHandlers.All.Single(handler => handler.Kind == kind);

    private byte[] Run(WorkUnit unit) => Handler(unit.Kind).Run(Model, unit.Payload, CancellationToken.None);

    private string Refused(string kind, byte[] payload) =>
        Assert.Throws<InvalidInputException>(() => Handler(kind).Run(Model, payload, CancellationToken.None)).Message;

    private int[] Tokens(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(Model.Config.VocabularySize))];
    }
}
