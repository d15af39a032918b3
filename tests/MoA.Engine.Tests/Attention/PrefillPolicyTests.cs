using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Attention.Prefill;
using MoA.Engine.Configuration;
using MoA.Engine.Tests.Kernels;

namespace MoA.Engine.Tests.Attention;

/// <summary>How prefill policies are written, read from MInference's files, and combined.</summary>
public sealed class PrefillPolicyTests
{
    // As microsoft/MInference publishes them: a list of layers, heads by number, type, two sizes, score.
    private const string Published = """
        [{"0": ["vertical_and_slash", 1000, 6096, 0.607320249080658], "1": ["stream_llm", 100, 800, 0.8188685178756714], "2": ["block_sparse", 10, 1, 26473], "3": ["vertical_and_slash", 3500, 100, 0]},
         {"1": ["vertical_and_slash", 30, 800, 336], "3": ["vertical_and_slash", 500, 700, 1.0]}]
        """;

    private static readonly ModelConfig Config = AttentionLayer.Config(4, 2, 8, layers: 2);

    [Fact]
    public void A_published_file_gives_each_head_its_pattern()
    {
        using TemporaryFolder folder = new();
        string file = folder.Write("Some+Model_best_pattern.json", Published);
        AttentionPolicy policy = PolicyReader.Read($"snapkv:density=0.5+minference:patterns={file}", null, Config);
        Assert.Equal("snapkv+minference", policy.FullName);
        Assert.Equal(
            [new VerticalSlashPattern(1000, 6096), new StreamPattern(100, 800), new PooledBlocksPattern(100), new VerticalSlashPattern(3500, 100)],
            Enumerable.Range(0, 4).Select(head => policy.Prefill!.PatternOf(0, head)));
        // A head that is left out gets what the official code gives it.
        Assert.Equal(
            [new VerticalSlashPattern(1000, 6096), new VerticalSlashPattern(30, 800), new VerticalSlashPattern(1000, 6096), new VerticalSlashPattern(500, 700)],
            Enumerable.Range(0, 4).Select(head => policy.Prefill!.PatternOf(1, head)));
        Assert.Equal(new PooledBlocksPattern(7), PolicyReader.Read($"minference:patterns={file},blocks=7", null, Config).Prefill!.PatternOf(0, 2));
    }

    [Fact]
    public void What_is_written_is_read_again()
    {
        using TemporaryFolder folder = new();
        string file = folder.File("patterns.json");
        (HeadPattern, long)[] heads = [(new VerticalSlashPattern(3500, 100), 12), (new StreamPattern(100, 800), 0), (new PooledBlocksPattern(100), 5), (new VerticalSlashPattern(30, 800), 9)];
        PatternFile.Write(file, [heads, heads]);
        HeadPattern[][] read = PatternFile.Read(file, Config, 100);
        Assert.Equal(2, read.Length);
        Assert.All(read, layer => Assert.Equal(heads.Select(head => head.Item1), layer));
    }

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("{}", "expected a list")]
    [InlineData("[{}]", "patterns of 1 layers; the model has 2")]
    [InlineData("[{}, 3]", "expected an object")]
    [InlineData("""[{"4": ["vertical_and_slash", 1, 2, 3]}, {}]""", "not among the model's 4 query heads")]
    [InlineData("""[{"a": ["vertical_and_slash", 1, 2, 3]}, {}]""", "not among the model's 4 query heads")]
    [InlineData("""[{"0": ["vertical_and_slash", 1]}, {}]""", "vertical, slash, score")]
    [InlineData("""[{"0": ["vertical_and_slash", -1, 2, 3]}, {}]""", "whole number")]
    [InlineData("""[{"0": ["vertical_and_slash", 1.5, 2, 3]}, {}]""", "whole number")]
    [InlineData("""[{"0": ["stream_llm", 1, 0, 3]}, {}]""", "whole number")]
    [InlineData("""[{"0": ["diagonal", 1, 2, 3]}, {}]""", "expected vertical_and_slash, stream_llm or block_sparse")]
    [InlineData("""[{"0": 7}, {}]""", "expected a list")]
    public void A_bad_file_is_refused_in_one_line(string text, string problem)
    {
        using TemporaryFolder folder = new();
        string file = folder.Write("bad.json", text);
        InvalidInputException failure = Assert.Throws<InvalidInputException>(() => PolicyReader.Read($"minference:patterns={file}", null, Config));
        Assert.StartsWith(file, failure.Message, StringComparison.Ordinal);
        Assert.Contains(problem, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
        failure = Assert.Throws<InvalidInputException>(() => PolicyReader.Read($"minference:patterns={file}x", null, Config));
        Assert.Contains($"{file}x", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("xattention", null, "xattention")]
    [InlineData("dense", "dense", null)]
    [InlineData("dense+tri-shape:last=1", "dense", "tri-shape:last=1")]
    [InlineData("duo-attention:heads=0.5,scores=a+b.tsv+flexprefill", "duo-attention:heads=0.5,scores=a+b.tsv", "flexprefill")]
    [InlineData("dense+minference:patterns=a+xattention.json", "dense", "minference:patterns=a+xattention.json")]
    [InlineData("h2o:density=0.5+nothing", "h2o:density=0.5+nothing", null)]
    public void A_text_is_taken_apart_at_the_plus_sign_before_a_prefill_policy(string text, string? cache, string? prefill) =>
        Assert.Equal((cache, prefill), PolicyReader.Split(text));

    [Theory]
    [InlineData("xattention:threshold=2", "threshold")]
    [InlineData("xattention:stride=7", "stride")]
    [InlineData("flexprefill:block=100", "block")]
    [InlineData("minference:piece=100", "multiple of 64")]
    [InlineData("minference:pattern=diagonal", "pattern")]
    [InlineData("tri-shape:gamma=0.5", "'gamma' is no setting of tri-shape")]
    [InlineData("dense+nothing", "expected a cache policy before the plus sign (dense, moa,")]
    [InlineData("+xattention", "expected a cache policy before the plus sign (dense, moa,")]
    [InlineData("xattention+xattention", "and a prefill method behind it (minference, flexprefill, xattention, tri-shape)")]
    [InlineData("xattention+dense", "before the plus sign")]
    [InlineData("snapkv:density=0.5+h2o:density=0.5", "before the plus sign")]
    [InlineData("snapkv:density=0.5+xattention+flexprefill", "before the plus sign")]
    public void Bad_settings_are_refused(string text, string problem) =>
        Assert.Contains(problem, Assert.Throws<InvalidInputException>(() => PolicyReader.Read(text, null, Config)).Message, StringComparison.Ordinal);

    [Fact]
    public void All_may_be_followed_by_a_prefill_policy()
    {
        IReadOnlyList<string> policies = PolicyReader.Expand("all:density=0.25+xattention:threshold=0.8", Config);
        Assert.Contains("snapkv:density=0.25+xattention:threshold=0.8", policies);
        Assert.All(policies, text => Assert.EndsWith("+xattention:threshold=0.8", text, StringComparison.Ordinal));
        Assert.True(PolicyReader.HasSize("xattention"));
        Assert.False(PolicyReader.HasSize("snapkv+xattention"));
        Assert.True(PolicyReader.HasSize("snapkv:span=64+xattention"));
        Assert.True(PolicyReader.ReadsTwice("kvzip:density=0.5+tri-shape"));
    }

    /// <summary>Results of two policies are kept apart unless both agree in all that they do.</summary>
    [Fact]
    public void What_is_chosen_is_part_of_a_policys_identity()
    {
        string[] texts =
        [
            "dense", "xattention", "xattention:threshold=0.8", "xattention:stride=16", "tri-shape", "tri-shape:last=0", "minference", "minference:piece=64",
            "minference:slash=700", "minference:pattern=a-shape", "flexprefill", "flexprefill:tau=0", "h2o:density=0.5", "h2o:density=0.5+xattention",
        ];
        string[] identities = [.. texts.Select(text => PolicyReader.Read(text, null, Config).Identity(Config, 1000))];
        Assert.Equal(identities, identities.Distinct());
        Assert.Equal(identities[1], PolicyReader.Read("dense+xattention:threshold=0.9,block=128", null, Config).Identity(Config, 1000));
    }

    [Fact]
    public void A_prompt_is_cut_at_multiples_of_a_piece_or_where_it_ends()
    {
        PrefillPolicy policy = new("p", new VerticalSlashPattern(1, 1), 256);
        Assert.Equal(512, policy.NextTokens(0, 1000, 700));
        Assert.Equal(256, policy.NextTokens(0, 1000, 511));
        Assert.Equal(0, policy.NextTokens(0, 1000, 255));
        Assert.Equal(156, policy.NextTokens(100, 1000, 300));
        Assert.Equal(300, policy.NextTokens(100, 300, 300));
        Assert.Equal(7, new PrefillPolicy("p", new StreamPattern(1, 1)).NextTokens(0, 1000, 7));
        Assert.Equal((512, 0), (policy.ReadAfresh(700, 0), policy.ReadAfresh(200, 0)));
        PrefillPolicy tri = new("p", new StreamPattern(1, 1, 100));
        Assert.Equal((600, 650, 700), (tri.ReadAfresh(700, 0), tri.ReadAfresh(700, 50), tri.ReadAfresh(700, 300)));
    }
}
