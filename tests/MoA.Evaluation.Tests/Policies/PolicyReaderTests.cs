using System.Text;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;
using MoA.Evaluation.Policies;
using MoA.Search.Profiling;

namespace MoA.Evaluation.Tests.Policies;

public sealed class PolicyReaderTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private static readonly string[] All =
        ["streaming-llm", "h2o", "tova", "snapkv", "pyramidkv", "keydiff", "expected-attention", "kvzip", "adakv", "infllm"];

    private readonly ModelConfig _config = demo.Model.Config;

    [Fact]
    public void Names_and_settings_give_their_policies()
    {
        _ = Assert.IsType<DensePolicy>(PolicyReader.Read(null, null, _config));
        _ = Assert.IsType<DensePolicy>(PolicyReader.Read("dense", null, _config));
        Assert.Equal(new ElasticRule(0, 0.25), RuleOf("streaming-llm:density=0.25"));
        Assert.Equal(new ElasticRule(512, 0), RuleOf("streaming-llm:span=512"));
        Assert.Equal(new ElasticRule(0, 1), RuleOf("streaming-llm:density=1"));

        H2oPolicy h2o = Assert.IsType<H2oPolicy>(PolicyReader.Read("h2o:span=512,recent=0.25", null, _config));
        Assert.Equal((512, 128, true), (h2o.Budget.Rows(4000), h2o.Scorer.RecentTokens(512), h2o.EvictsEveryStep));
        SnapKvPolicy snap = Assert.IsType<SnapKvPolicy>(PolicyReader.Read("snapkv:density=0.25,window=16,kernel=7,pooling=max", null, _config));
        Assert.Equal((new ElasticRule(0, 0.25), 16, new ScorePooling(PoolingKind.Maximum, 7)), (snap.Budget, snap.Scorer.ObservedQueries, snap.Scorer.Pooling));
        InfLlmPolicy blocks = Assert.IsType<InfLlmPolicy>(PolicyReader.Read("infllm:density=0.5,local=0.25,representatives=2", null, _config));
        Assert.Equal((64, 6, 2), (blocks.LocalTokens(1024), blocks.ChosenBlocks(1024), blocks.Representatives));
        PyramidKvPolicy pyramid = Assert.IsType<PyramidKvPolicy>(PolicyReader.Read("pyramidkv:density=0.5", null, _config));
        Assert.Equal((32, new ScorePooling(PoolingKind.Average, 5)), (pyramid.Scorer.ObservedQueries, pyramid.Scorer.Pooling));
        Assert.Equal(new ExpectedAttentionScorer(64, false, true, 0.5), Scorer("expected-attention:density=0.5,future=64,covariance=no,epsilon=0.5"));
        Assert.Equal(new ExpectedAttentionScorer(512, true, false, 0), Scorer("expected-attention:span=300,vnorm=no"));
        Assert.Equal(new VoteScorer(32, new ScorePooling(PoolingKind.Maximum, 7)), Scorer("adakv:density=0.5"));
        Assert.Equal(new VoteScorer(16, new ScorePooling(PoolingKind.Average, 3)), Scorer("adakv:density=0.5,scorer=snapkv,window=16,pooling=avg,kernel=3"));
        Assert.Equal(new ExpectedAttentionScorer(Epsilon: 0.01), Scorer("adakv:density=0.5,scorer=expected-attention"));
        Assert.Equal(new RepetitionScorer(100), Scorer("adakv:density=0.5,scorer=kvzip,chunk=100"));
        Assert.Equal(KvZipLevel.Head, Assert.IsType<KvZipPolicy>(PolicyReader.Read("kvzip:density=0.5,level=head", null, _config)).Level);
        Assert.Equal(new AttentionSumScorer(0.25), Scorer("adakv:density=0.5,scorer=h2o,recent=0.25"));
        Assert.Equal(0.5, Assert.IsType<AdaKvPolicy>(PolicyReader.Read("adakv:density=0.5,floor=0.5", null, _config)).Floor);

        foreach (string choosing in new[] { "snapkv", "pyramidkv", "keydiff", "expected-attention", "adakv" })
        {
            Assert.Equal(256, Assert.IsAssignableFrom<EvictionPolicy>(PolicyReader.Read($"{choosing}:density=0.5,every=256", null, _config)).Every);
            Assert.Null(Assert.IsAssignableFrom<EvictionPolicy>(PolicyReader.Read($"{choosing}:density=0.5", null, _config)).Every);
        }

        string plan = WritePlan(4, 8);
        Assert.Equal(new ElasticRule(64, 0.5), PolicyReader.Read(null, plan, _config).RuleOf(3, 7, _config, 1000));
        _ = Assert.IsType<PlanPolicy>(PolicyReader.Read("moa", plan, _config));
        ContentPlanPolicy content = Assert.IsType<ContentPlanPolicy>(PolicyReader.Read("moa:scorer=expected-attention,sink=8,recent=64,piece=256,future=64", plan, _config));
        Assert.Equal((8, 64, 256, new ExpectedAttentionScorer(64)), (content.Sink, content.Recent, content.Chunk, content.Scorer));
        Assert.Equal((4, 32, 128), Assert.IsType<ContentPlanPolicy>(PolicyReader.Read("moa:scorer=keydiff", plan, _config)) is var it ? (it.Sink, it.Recent, it.Chunk) : default);
        Assert.Null(Assert.IsType<ContentPlanPolicy>(PolicyReader.Read("moa:scorer=kvzip,chunk=50", plan, _config)).Chunk);
        Assert.True(PolicyReader.ReadsTwice("moa:scorer=kvzip my plan.json"));
        Assert.Contains("multiple of 64", Assert.Throws<InvalidInputException>(() => PolicyReader.Read("moa:scorer=keydiff,piece=100", plan, _config)).Message, StringComparison.Ordinal);
        Assert.Contains("those of a scorer; name one", Assert.Throws<InvalidInputException>(() => PolicyReader.Read("moa:sink=4", plan, _config)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "no policy ''")]
    [InlineData("h2o2", "no policy 'h2o2'")]
    [InlineData("Dense", "no policy 'Dense'")]
    [InlineData("dense:density=1", "'density' is no setting of dense; it takes none")]
    [InlineData("moa", "needs a plan")]
    [InlineData("streaming-llm", "give streaming-llm a size")]
    [InlineData("streaming-llm:", "expected NAME:key=value")]
    [InlineData("streaming-llm:size=4", "give streaming-llm a size")]
    [InlineData("streaming-llm:density=0", "density above 0")]
    [InlineData("streaming-llm:density=1.01", "density above 0")]
    [InlineData("streaming-llm:density=NaN", "density above 0")]
    [InlineData("streaming-llm:density=0,5", "expected NAME:key=value")]
    [InlineData("streaming-llm:density=half", "density above 0")]
    [InlineData("streaming-llm:span=0", "span in tokens")]
    [InlineData("streaming-llm:span=1e99", "span in tokens")]
    [InlineData("streaming-llm:density=0.5,span=64", "'span' is no setting")]
    [InlineData("streaming-llm:density=0.5,density=0.5", "each key once")]
    [InlineData("streaming-llm:=0.5", "expected NAME:key=value")]
    [InlineData("h2o", "give h2o a size")]
    [InlineData("h2o:density=0.5,recent=2", "number from 0 to 1 as recent")]
    [InlineData("h2o:density=0.5,window=2", "'window' is no setting of h2o; expected density, span, recent")]
    [InlineData("snapkv:density=0.5,window=65", "whole number from 1 to 64 as window")]
    [InlineData("snapkv:density=0.5,kernel=4", "odd number as kernel")]
    [InlineData("snapkv:density=0.5,pooling=min", "expected avg or max as pooling")]
    [InlineData("pyramidkv:density=0.5,beta=0", "as beta")]
    [InlineData("snapkv:density=0.5,every=0", "whole number from 1 to 1000000 as every")]
    [InlineData("h2o:density=0.5,every=64", "'every' is no setting of h2o")]
    [InlineData("adakv:density=0.5,scorer=kvzip,every=64", "every chooses rows again by what is written, which kvzip does not score")]
    [InlineData("kvzip:density=0.5,every=64", "every chooses rows again by what is written, which kvzip does not score")]
    [InlineData("duo-attention:scores=x", "either a density or a share")]
    [InlineData("duo-attention:density=0.5", "either scores=FILE")]
    [InlineData("duo-attention:density=0.5,scores=", "a path as scores")]
    [InlineData("razor-attention:density=0.5,heads=0.1,scores=x", "either a density or a share")]
    [InlineData("all", "one policy runs here")]
    public void What_cannot_be_read_is_refused_in_one_line(string text, string reason)
    {
        InvalidInputException failure = Assert.Throws<InvalidInputException>(() => PolicyReader.Read(text, null, _config));
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        Assert.StartsWith("--policy ", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public void All_is_every_policy_that_the_model_and_the_files_given_allow()
    {
        Assert.Equal(["h2o:density=0.5"], PolicyReader.Expand("h2o:density=0.5", _config));
        Assert.Equal(All, PolicyReader.Expand("all", _config));
        Assert.Equal(
            [
                .. All.Select(name => $"{name}:density=0.3"),
                "duo-attention:density=0.3,profile=p", "razor-attention:density=0.3,profile=p",
            ],
            PolicyReader.Expand("all:profile=p,density=0.3", _config));
        ModelConfig windows = _config.WithLayers((layer, index) => layer with { Window = new int?[] { null, 64, null, 64 }[index] });
        Assert.Equal(All.Length + 2, PolicyReader.Expand("all:scores=s", windows).Count);
        ModelConfig bounded = _config.WithLayers((layer, index) => layer with { Window = new int?[] { 32, 64, 32, 64 }[index] });
        Assert.Equal(["streaming-llm", "duo-attention:scores=s", "razor-attention:scores=s"], PolicyReader.Expand("all:scores=s", bounded));
        Assert.Equal("--policy all:window=4: 'window' is no setting of all; expected density, scores, profile",
            Assert.Throws<InvalidInputException>(() => PolicyReader.Expand("all:window=4", _config)).Message);
    }

    /// <summary>Those that choose rows by attention do so in layers without a window of their own, and need one.</summary>
    [Theory]
    [InlineData("h2o", false)]
    [InlineData("snapkv", false)]
    [InlineData("pyramidkv", false)]
    [InlineData("adakv", false)]
    [InlineData("infllm", false)]
    [InlineData("streaming-llm", true)]
    public void A_model_of_sliding_windows_alone_is_refused_in_one_line_before_anything_runs(string name, bool runs)
    {
        ModelConfig config = _config.WithLayers((layer, index) => layer with { Window = new int?[] { 64, 96, 96, 96 }[index] });
        string text = $"{name}:density=0.5";
        if (runs)
        {
            Assert.Equal(name, PolicyReader.Read(text, null, config).Name);
            return;
        }

        Assert.Equal(
            $"policy {name}: every layer of the model attends within a window of 96 tokens at most; {name} chooses among the rows of layers "
            + "that look back without limit. Use dense, streaming-llm or a plan", Assert.Throws<InvalidInputException>(() => PolicyReader.Read(text, null, config)).Message);
        Assert.Equal(name, PolicyReader.Read(text, null, _config).Name);
        Assert.Equal(name, PolicyReader.Read(text, null, config.WithLayers((layer, index) => layer with { Window = index == 1 ? null : 96 })).Name);
    }

    [Fact]
    public void A_plan_must_fit_the_model_and_belongs_to_moa()
    {
        string fits = WritePlan(4, 8), other = WritePlan(5, 8);
        Assert.Contains(
            "takes no plan", Assert.Throws<InvalidInputException>(() => PolicyReader.Read("dense", fits, _config)).Message,
            StringComparison.Ordinal);
        Assert.StartsWith(
            other, Assert.Throws<InvalidInputException>(() => PolicyReader.Read(null, other, _config)).Message, StringComparison.Ordinal);
        _ = Assert.Throws<InvalidInputException>(() => PolicyReader.Read(null, demo.NewPath(), _config));
    }

    [Fact]
    public void Head_scores_come_from_a_file_or_a_profile()
    {
        // 4 layers of 8 heads: head 3 of layer 1 has the largest score, then head 0 of layer 2.
        string scores = demo.NewPath();
        double[][] table = [.. Enumerable.Range(0, 4).Select(_ => new double[8])];
        (table[1][3], table[2][0]) = (0.9, 0.4);
        File.WriteAllLines(scores, table.Select(row => string.Join('\t', row)));
        AttentionPolicy duo = PolicyReader.Read($"duo-attention:heads=0.0625,scores={scores}", null, _config);
        Assert.Equal([(1, 3), (2, 0)], FullHeads(duo));
        Assert.Equal(new ElasticRule(320, 0), duo.RuleOf(0, 0, _config, 1000));

        // Influence on distant blocks marks the same heads; what a fifth of the length keeps, does not count. 25% and 2/32 of the rest.
        string profile = demo.NewPath();
        float[] values = new float[4 * 8 * 16 * 16];
        (values[((1 * 8 + 3) * 16 + 15) * 16 + 1], values[((2 * 8 + 0) * 16 + 15) * 16 + 5]) = (2, 1);
        (values[15 * 16 + 15], values[15 * 16]) = (9, 9);
        InfluenceFile.Write(profile, new InfluenceProfile
        {
            Model = "demo",
            Length = 1024,
            Layers = 4,
            QueryHeads = 8,
            Items = 1,
            MeanLoss = 1,
            Values = values,
        });
        string text = $"razor-attention:density=0.3,profile={profile}";
        AttentionPolicy razor = PolicyReader.Read(text, null, _config, HeadProfile.Read);
        Assert.Equal([(1, 3), (2, 0)], FullHeads(razor));
        Assert.Equal(new ElasticRule(0, 0.2), razor.RuleOf(0, 0, _config, 1024));

        Assert.EndsWith("no profiles are read here; give scores=FILE in place of profile",
            Assert.Throws<InvalidInputException>(() => PolicyReader.Read(text, null, _config)).Message, StringComparison.Ordinal);

        (int, int)[] FullHeads(AttentionPolicy policy) =>
        [
            .. from layer in Enumerable.Range(0, 4)
               from head in Enumerable.Range(0, 8)
               where policy.RuleOf(layer, head, _config, 1024) == ElasticRule.Dense
               select (layer, head),
        ];
    }

    [Theory]
    [InlineData("", "0 lines of head scores")]
    [InlineData("1 2\n1 2\n1 2\n1 2", "layer 0 has 2 head scores")]
    [InlineData("0,1 0,2 0,3 0,4\n1 2 3 4 5 6 7 8\n1 2 3 4 5 6 7 8\n1 2 3 4 5 6 7 8", "layer 0 has 4 head scores")]
    [InlineData("0,1\t0,2\t0,3\t0,4\t0,5\t0,6\t0,7\t0,8\n1 2 3 4 5 6 7 8\n1 2 3 4 5 6 7 8\n1 2 3 4 5 6 7 8", "a head score '0,1'")]
    [InlineData("1 2 3 4 5 6 7 8\n1 2 3 4 5 6 7 x\n1 2 3 4 5 6 7 8\n1 2 3 4 5 6 7 8", "layer 1 has a head score 'x'")]
    [InlineData("1\n1\n1\n1\n1", "more lines")]
    public void Unusable_head_scores_are_refused_in_one_line(string content, string reason)
    {
        string path = demo.NewPath();
        File.WriteAllText(path, content);
        InvalidInputException failure = Assert.Throws<InvalidInputException>(
            () => PolicyReader.Read($"duo-attention:density=0.5,scores={path}", null, _config));
        Assert.StartsWith(path, failure.Message, StringComparison.Ordinal);
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    private RowScorer Scorer(string text) => Assert.IsType<EvictionPolicy>(PolicyReader.Read(text, null, _config), exactMatch: false).Scorer;

    private ElasticRule RuleOf(string text) => PolicyReader.Read(text, null, _config).RuleOf(0, 0, _config, 1000);

    private string WritePlan(int layers, int heads)
    {
        string path = demo.NewPath();
        string Rows(string value) => string.Join(',', Enumerable.Repeat($"[{string.Join(',', Enumerable.Repeat(value, heads))}]", layers));
        File.WriteAllText(path, $$"""{"alphas":[{{Rows("64")}}],"betas":[{{Rows("0.5")}}]}""", Encoding.ASCII);
        return path;
    }
}
