using System.Text;
using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Tests;

namespace MoA.Engine.Tests.Attention;

public sealed class PlanFileTests
{
    private static readonly ElasticRule[][] GroupedRules =
    [
        [new(64, 0.25), new(-128, 0.5)],
        [new(0, 1), new(192.5, 0)],
        [new(0, 0.125), new(1.0 / 3, 0.1)],
    ];

    [Fact]
    public void Save_then_load_gives_the_same_document()
    {
        PlanDocument written = new(
            new AttentionPlan(GroupedRules, HeadKind.KeyValue),
            new PlanModel("demo", 3, 6, 2),
            new PlanSearch
            {
                Lengths = [new(512, 0.5, 0.49, 1.25), new(2048, 0.5, 0.47, null), new(1536, null, 0.48, null)],
                MaxRulesPerLayer = 2,
                ValidationLength = 1536,
                ValidationLoss = 2.5,
            });
        using TemporaryFile file = new();
        PlanFile.Save(file.Path, written);
        PlanDocument read = PlanFile.Load(file.Path);

        AssertSameRules(written.Plan, read.Plan);
        Assert.Equal(HeadKind.KeyValue, read.Plan.HeadKind);
        Assert.Equal(written.Model, read.Model);
        Assert.Equal(written.Search!.Lengths, read.Search!.Lengths);
        Assert.Equal(2, read.Search.MaxRulesPerLayer);
        Assert.Equal(1536, read.Search.ValidationLength);
        Assert.Equal(2.5, read.Search.ValidationLoss);
        Assert.True(read.StatesHeadKind);
        Assert.Equal(["plan.json"], Directory.GetFiles(file.Folder).Select(Path.GetFileName));
    }

    /// <summary>A plan with a scorer says so in its format, so that what does not know of scorers refuses it; --plan alone runs it by content.</summary>
    [Theory]
    [InlineData("keydiff")]
    [InlineData("expected-attention,future=64,recent=16")]
    public void Scorers_stay_with_their_plans(string scorer)
    {
        using TemporaryFile file = new();
        PlanFile.Save(file.Path, new PlanDocument(new AttentionPlan(GroupedRules, HeadKind.KeyValue)) { Scorer = scorer });
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(file.Path));
        Assert.Equal("moa-plan/2", json.RootElement.GetProperty("format").GetString());
        PlanDocument read = PlanFile.Load(file.Path);
        Assert.Equal(scorer, read.Scorer);
        AssertSameRules(new AttentionPlan(GroupedRules, HeadKind.KeyValue), read.Plan);
        ContentPlanPolicy policy = Assert.IsType<ContentPlanPolicy>(PolicyReader.Read(null, file.Path, Kernels.AttentionLayer.Config(2, 2, 8, layers: 3)));
        Assert.Equal((scorer.Split(',')[0], scorer == "keydiff" ? 32 : 16), (policy.Scorer.Name, policy.Recent));
    }

    [Theory]
    [InlineData("\"kvzip\"", "expected expected-attention or keydiff")]
    [InlineData("\"keydiff,span=4\"", "'span' is no setting of moa; expected sink, recent, piece")]
    [InlineData("\"keydiff,piece=100\"", "a multiple of 64")]
    [InlineData("\"keydiff,\\n=4\"", "expected expected-attention or keydiff")]
    [InlineData("\"\"", "expected expected-attention or keydiff")]
    [InlineData("7", "expected expected-attention or keydiff")]
    public void Scorers_that_plans_cannot_keep_are_refused(string scorer, string reason)
    {
        InvalidInputException refused = Assert.Throws<InvalidInputException>(() => PlanFile.Parse(
            Encoding.UTF8.GetBytes($"{{\"format\":\"moa-plan/2\",\"scorer\":{scorer},\"alphas\":[[0]],\"betas\":[[1]]}}"), "p.json"));
        Assert.StartsWith($"p.json: the plan has \"scorer\" {scorer}: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Fact]
    public void Research_format_has_the_two_tables_only()
    {
        using TemporaryFile file = new();
        PlanFile.SaveResearch(file.Path, new AttentionPlan([[new(-1024, 0.5), new(0, 1)]], HeadKind.Query));
        Assert.Equal("{\"alphas\":[[-1024,0]],\"betas\":[[0.5,1]]}", File.ReadAllText(file.Path));
        Assert.False(PlanFile.Load(file.Path).StatesHeadKind);
    }

    [Theory]
    [InlineData(3, 6, 2, HeadKind.KeyValue)]
    [InlineData(3, 2, 1, HeadKind.Query)]
    [InlineData(3, 2, 2, HeadKind.Query)]
    public void Research_plans_take_the_head_kind_from_the_length_of_their_rows(
        int layers, int queryHeads, int keyValueHeads, HeadKind expected)
    {
        PlanDocument document = Parse("{\"alphas\":[[1,2],[3,4],[5,6]],\"betas\":[[0,0],[0,0],[0,0]]}");
        AttentionPlan plan = document.FitTo(layers, queryHeads, keyValueHeads, "a.json");
        Assert.Equal(expected, plan.HeadKind);
        Assert.Equal(new ElasticRule(4, 0), plan[1, 1]);
    }

    [Theory]
    [InlineData(4, 6, 2)]
    [InlineData(3, 6, 3)]
    [InlineData(3, 4, 2)]
    public void A_plan_for_another_model_is_refused_with_both_shapes(int layers, int queryHeads, int keyValueHeads)
    {
        PlanDocument document = new(
            new AttentionPlan(GroupedRules, HeadKind.KeyValue), new PlanModel("demo", 3, 6, 2));
        InvalidInputException error = Assert.Throws<InvalidInputException>(
            () => document.CheckFits(layers, queryHeads, keyValueHeads, "plan.json"));
        Assert.Contains("plan.json", error.Message, StringComparison.Ordinal);
        Assert.Contains("demo of 3 layers of 6 query heads and 2 KV heads", error.Message, StringComparison.Ordinal);
        Assert.Contains(
            $"{layers} layers of {queryHeads} query heads and {keyValueHeads} KV heads", error.Message, StringComparison.Ordinal);
        document.CheckFits(3, 6, 2, "plan.json");
    }

    [Fact]
    public void A_key_value_plan_without_model_is_not_taken_for_query_heads()
    {
        PlanDocument document = new(new AttentionPlan(GroupedRules, HeadKind.KeyValue));
        Assert.Throws<InvalidInputException>(() => document.CheckFits(3, 2, 1, "plan.json"));
        document.CheckFits(3, 4, 2, "plan.json");
    }

    [Theory]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(64)]
    public void A_plan_keeps_its_blocks(int block)
    {
        ElasticRule rule = new(1, 0.5) { Block = block };
        byte[] text = PlanFile.ToUtf8(new PlanDocument(new AttentionPlan([[rule]], HeadKind.KeyValue)));
        using JsonDocument json = JsonDocument.Parse(text);
        Assert.Equal((block, block), (json.RootElement.GetProperty("blockSize").GetInt32(), json.RootElement.GetProperty("sinkTokens").GetInt32()));
        AttentionPlan plan = PlanFile.Parse(text, "p.json").Plan;
        Assert.Equal(rule, plan[0, 0]);
        Assert.Equal((2 * block, 3 * block, 1024 / 2 + block), (plan[0, 0].Rows(1), plan[0, 0].Rows(4 * block), plan[0, 0].Rows(1024)));
        Assert.Throws<ArgumentException>(() => new AttentionPlan([[rule, rule with { Block = 48 }]], HeadKind.KeyValue));
    }

    [Theory]
    [InlineData("", "not JSON")]
    [InlineData("[]", "an object")]
    [InlineData("{}", "no \"alphas\"")]
    [InlineData("{\"alphas\":[],\"betas\":[]}", "\"alphas\"")]
    [InlineData("{\"alphas\":[[]],\"betas\":[[]]}", "layer 0")]
    [InlineData("{\"alphas\":[1],\"betas\":[[1]]}", "layer 0")]
    [InlineData("{\"alphas\":[[1,2],[3]],\"betas\":[[0,0],[0,0]]}", "1 \"alphas\" in layer 1 after 2")]
    [InlineData("{\"alphas\":[[1,2]],\"betas\":[[0]]}", "1×2 alphas and 1×1 betas")]
    [InlineData("{\"alphas\":[[1]],\"betas\":[[0],[0]]}", "1×1 alphas and 2×1 betas")]
    [InlineData("{\"alphas\":[[1e999]],\"betas\":[[0]]}", "alphas[0][0]")]
    [InlineData("{\"alphas\":[[\"NaN\"]],\"betas\":[[0]]}", "finite number")]
    [InlineData("{\"alphas\":[[null]],\"betas\":[[0]]}", "alphas[0][0]")]
    [InlineData("{\"format\":\"moa-plan/3\",\"alphas\":[[1]],\"betas\":[[0]]}", "moa-plan/1")]
    [InlineData("{\"format\":7,\"alphas\":[[1]],\"betas\":[[0]]}", "moa-plan/1")]
    [InlineData("{\"sinkTokens\":4,\"alphas\":[[1]],\"betas\":[[0]]}", "\"sinkTokens\" 4; expected 64")]
    [InlineData("{\"blockSize\":48,\"alphas\":[[1]],\"betas\":[[0]]}", "\"blockSize\" 48; expected 16, 32, 64")]
    [InlineData("{\"blockSize\":16,\"sinkTokens\":64,\"alphas\":[[1]],\"betas\":[[0]]}", "\"sinkTokens\" 64; expected 16")]
    [InlineData("{\"blockSize\":64.5,\"alphas\":[[1]],\"betas\":[[0]]}", "whole number")]
    [InlineData("{\"headKind\":\"both\",\"alphas\":[[1]],\"betas\":[[0]]}", "headKind")]
    [InlineData("{\"headKind\":\"\\ud800\",\"alphas\":[[1]],\"betas\":[[0]]}", "p.json")]
    [InlineData("{\"model\":{\"layers\":2,\"queryHeads\":1,\"keyValueHeads\":1},\"alphas\":[[1]],\"betas\":[[0]]}", "2 layers of 1")]
    [InlineData("{\"model\":{\"layers\":1,\"queryHeads\":3,\"keyValueHeads\":2},\"alphas\":[[1]],\"betas\":[[0]]}", "divides")]
    [InlineData("{\"model\":{\"layers\":-1,\"queryHeads\":3,\"keyValueHeads\":2},\"alphas\":[[1]],\"betas\":[[0]]}", "layers")]
    [InlineData("{\"model\":[1],\"alphas\":[[1]],\"betas\":[[0]]}", "\"model\"")]
    [InlineData("{\"search\":{\"lengths\":[3]},\"alphas\":[[1]],\"betas\":[[0]]}", "search.lengths")]
    [InlineData("{\"search\":{\"lengths\":[{\"length\":5}]},\"alphas\":[[1]],\"betas\":[[0]]}", "density")]
    public void Bad_plans_are_refused_in_one_line(string json, string says)
    {
        InvalidInputException error = Assert.Throws<InvalidInputException>(() => Parse(json));
        Assert.StartsWith("p.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void A_missing_file_is_bad_input() =>
        Assert.Throws<InvalidInputException>(() => PlanFile.Load(RepositoryFiles.Fixture("plans", "none.json")));

    private static PlanDocument Parse(string json) => PlanFile.Parse(Encoding.UTF8.GetBytes(json), "p.json");

    private static void AssertSameRules(AttentionPlan expected, AttentionPlan actual)
    {
        Assert.Equal(expected.Layers, actual.Layers);
        Assert.Equal(expected.HeadsPerLayer, actual.HeadsPerLayer);
        for (int layer = 0; layer < expected.Layers; layer++)
        {
            for (int head = 0; head < expected.HeadsPerLayer; head++)
                Assert.Equal(expected[layer, head], actual[layer, head]);
        }
    }

    private sealed class TemporaryFile : IDisposable
    {
        public string Folder { get; } = Directory.CreateTempSubdirectory("plan").FullName;

        public string Path => System.IO.Path.Combine(Folder, "plan.json");

        public void Dispose() => Directory.Delete(Folder, recursive: true);
    }
}
