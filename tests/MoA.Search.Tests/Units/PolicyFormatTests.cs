using FsCheck;
using FsCheck.Fluent;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Attention.Prefill;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;
using MoA.Search.Units;
using MoA.Tests;

namespace MoA.Search.Tests.Units;

/// <summary>Policies travel as what they are.</summary>
public sealed class PolicyFormatTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private ModelConfig Config => demo.Model.Config;

    [Fact]
    public void Every_policy_comes_back_as_it_was() => Prop.ForAll(
        Gen.Choose(0, PolicyTable.All.Count - 1).SelectMany(kind => Gen.Choose(0, int.MaxValue - 1).Select(seed => (kind, seed))).ToArbitrary(),
        arguments =>
        {
            AttentionPolicy policy = Draw(PolicyTable.All[arguments.kind].Name, new Random(arguments.seed));
            AttentionPolicy read = UnitFormat.Read(
                UnitFormat.Write(writer => writer.WritePolicy(policy)), "policy", reader => reader.ReadPolicy(Config));
            foreach (int length in new[] { 1, 200, 777, 4096 })
            {
                Assert.Equal(policy.Describe(Config, length), read.Describe(Config, length));
                Assert.Equal(policy.Density(Config, length), read.Density(Config, length));
            }

            Assert.Equal((policy.GetType(), policy.Name), (read.GetType(), read.Name));
        }).Holds(200);

    [Theory]
    [InlineData("minference")]
    [InlineData("minference:pattern=block-sparse,blocks=7")]
    [InlineData("snapkv:density=0.5+minference:pattern=a-shape,init=3,local=9,piece=128")]
    [InlineData("h2o:span=99+flexprefill:gamma=0.33,tau=0.01,min=128,max=4096,block=64,piece=192")]
    [InlineData("xattention:threshold=0.77,stride=16,block=256")]
    [InlineData("streaming-llm:density=0.3+tri-shape:init=1,local=2,last=3")]
    public void Prefill_policies_come_back_as_they_were(string text)
    {
        AttentionPolicy policy = PolicyReader.Read(text, null, Config);
        AttentionPolicy read = UnitFormat.Read(UnitFormat.Write(writer => writer.WritePolicy(policy)), "policy", reader => reader.ReadPolicy(Config));
        Assert.Equal((policy.FullName, policy.Identity(Config, 777)), (read.FullName, read.Identity(Config, 777)));
    }

    [Fact]
    public void Patterns_of_heads_come_back_as_they_were()
    {
        HeadPattern[][] patterns =
        [
            .. Enumerable.Range(0, Config.Layers).Select(layer => Enumerable.Range(0, Config.QueryHeads)
                .Select(head => (HeadPattern)(head % 2 == 0 ? new VerticalSlashPattern(head, layer + 1) : new StreamPattern(layer, head))).ToArray()),
        ];
        AttentionPolicy policy = AttentionPolicy.Dense.With(new PrefillPolicy("minference", patterns, 320));
        AttentionPolicy read = UnitFormat.Read(UnitFormat.Write(writer => writer.WritePolicy(policy)), "policy", reader => reader.ReadPolicy(Config));
        Assert.Equal(policy.Identity(Config, 777), read.Identity(Config, 777));
        Assert.Equal(patterns[1][3], read.Prefill!.PatternOf(1, 3));
    }

    [Fact]
    public void A_policy_of_another_model_is_refused()
    {
        AttentionPlan plan = AttentionPlan.Uniform(Config.Layers + 1, Config.KeyValueHeads, HeadKind.KeyValue, ElasticRule.Dense);
        byte[] bytes = UnitFormat.Write(writer => writer.WritePolicy(new PlanPolicy(plan)));
        InvalidInputException failure = Assert.Throws<InvalidInputException>(
            () => UnitFormat.Read(bytes, "policy", reader => reader.ReadPolicy(Config)));
        Assert.StartsWith($"policy: {bytes.Length} bytes that cannot be read (", failure.Message, StringComparison.Ordinal);
        foreach (double number in new[] { double.NaN, double.PositiveInfinity })
        {
            byte[] rule = UnitFormat.Write(writer => writer.WritePolicy(new StreamingLlmPolicy(new ElasticRule(0, number))));
            _ = Assert.Throws<InvalidInputException>(() => UnitFormat.Read(rule, "policy", reader => reader.ReadPolicy(Config)));
        }
    }

    private AttentionPolicy Draw(string name, Random random)
    {
        ElasticRule rule = random.Next(2) == 0 ? new(0, random.NextDouble()) : new(random.Next(1, 4000) - random.NextDouble(), random.NextDouble());
        ScorePooling pooling = new(random.Next(2) == 0 ? PoolingKind.Average : PoolingKind.Maximum, 1 + 2 * random.Next(500));
        double[][] scores = [.. Enumerable.Range(0, Config.Layers).Select(_ => Enumerable.Range(0, Config.KeyValueHeads).Select(_ => (double)random.Next(5)).ToArray())];
        HeadKind kind = random.Next(2) == 0 ? HeadKind.Query : HeadKind.KeyValue;
        int? every = random.Next(2) == 0 ? random.Next(1, 1000) : null;
        ExpectedAttentionScorer expected = new(random.Next(1, 1000), random.Next(2) == 0, random.Next(2) == 0, random.NextDouble());
        return name switch
        {
            DensePolicy.CommandName => new DensePolicy(),
            PlanPolicy.CommandName when random.Next(2) == 0 => new PlanPolicy(Plan()),
            PlanPolicy.CommandName => new ContentPlanPolicy(
                Plan(), random.Next(2) == 0 ? expected : new KeyDifferenceScorer(), random.Next(100), random.Next(1, 100), 64 * random.Next(1, 100)),
            StreamingLlmPolicy.CommandName => new StreamingLlmPolicy(rule),
            H2oPolicy.CommandName => new H2oPolicy(rule, random.NextDouble()),
            SnapKvPolicy.CommandName => new SnapKvPolicy(rule, random.Next(1, 65), pooling) { Every = every },
            PyramidKvPolicy.CommandName => new PyramidKvPolicy(rule, random.Next(1, 65), pooling, random.Next(1, 100)) { Every = every },
            TovaPolicy.CommandName => new TovaPolicy(rule),
            KeyDiffPolicy.CommandName => new KeyDiffPolicy(rule) { Every = every },
            ExpectedAttentionPolicy.CommandName => new ExpectedAttentionPolicy(rule, expected) { Every = every },
            FastGenPolicy.CommandName => new FastGenPolicy(new RecoveryScorer(random.NextDouble(), random.NextDouble(), random.NextDouble())),
            KvZipPolicy.CommandName => new KvZipPolicy(rule, (KvZipLevel)random.Next(3), random.Next(1, 5000)),
            AdaKvPolicy.CommandName => new AdaKvPolicy(
                rule, random.Next(5) switch
                {
                    0 => new VoteScorer(random.Next(1, 65), pooling),
                    1 => new AttentionSumScorer(random.NextDouble()),
                    2 => new KeyDifferenceScorer(),
                    3 => new RepetitionScorer(random.Next(1, 5000)),
                    _ => expected,
                },
                random.NextDouble())
            { Every = every },
            InfLlmPolicy.CommandName => new InfLlmPolicy(rule, random.NextDouble(), random.Next(1, 65)),
            _ => random.Next(2) == 0
                ? TwoClassPolicy.OfDensity(name, scores, rule, 1 - random.NextDouble())
                : TwoClassPolicy.OfRetrievalShare(name, scores, rule, random.NextDouble()),
        };

        AttentionPlan Plan() => new(
            [.. Enumerable.Range(0, Config.Layers).Select(_ => Enumerable.Range(0, kind == HeadKind.Query ? Config.QueryHeads : Config.KeyValueHeads)
                .Select(_ => new ElasticRule(random.Next(-500, 2000), random.NextDouble())).ToArray())], kind);
    }
}
