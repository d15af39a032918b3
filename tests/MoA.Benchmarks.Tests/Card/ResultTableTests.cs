using System.Text.Json;
using MoA.Gpu.Benchmarks.Report;

namespace MoA.Benchmarks.Tests.Card;

/// <summary>What a run on a card says to people, of documents written by hand.</summary>
public sealed class ResultTableTests
{
    private const string Equality = """
        {"part":"equality","device":"H100","backend":"H100 (cuda:0)","budgetSeconds":90,"ended":true,"seconds":60,"holds":false,
        "rows":[{"part":"equality","name":"a","holds":true,"error":0.001},{"part":"equality","name":"b","holds":false,"error":0.5}],
        "skipped":[{"what":"c","why":"no time"}]}
        """;

    private const string Protocol = """
        {"part":"protocol","device":"H100","backend":"H100 (cuda:0)","budgetSeconds":90,"ended":false,"seconds":0,"holds":true,"rows":[
        {"part":"protocol","name":"moa, 3072+1024","policy":"moa","prompt":3072,"generated":1024,"tokensPerSecond":2000},
        {"part":"protocol","name":"dense, 3072+1024","policy":"dense","prompt":3072,"generated":1024,"tokensPerSecond":800},
        {"part":"protocol","name":"dense, 6144+2048","policy":"dense","prompt":6144,"generated":2048,"tokensPerSecond":400}],"skipped":[]}
        """;

    private const string Peers = """
        {"rows":[{"peer":"hf-dense","prompt":3072,"generated":1024,"batch":20,"decodeTokensPerSecond":250},
        {"peer":"hf-dense","prompt":3072,"generated":1024,"batch":8,"decodeTokensPerSecond":100}],"skipped":[{"what":"transformers","why":"not there"}]}
        """;

    [Fact]
    public void Rates_are_compared_at_the_same_prompts_and_with_the_peers_at_their_largest_batch()
    {
        string[] lines = Text(Peers);
        Assert.Contains("| 3,072+1,024: decode against our own dense attention | 2.5 | 1.9 |", lines);
        Assert.Contains("| 3,072+1,024: decode against PyTorch as Hugging Face runs it | 8 | 8.2 |", lines);
        Assert.Equal(2, lines.Count(line => line.Contains("decode against", StringComparison.Ordinal)));
    }

    [Fact]
    public void What_differs_was_cut_off_or_left_out_is_said()
    {
        string[] lines = Text(Peers);
        Assert.Contains("1 of 2 comparisons hold.", lines);
        Assert.Contains("- **differs** b: error 0.5", lines);
        Assert.Contains("H100 (cuda:0); equality 60 s of 90 s, protocol cut off of 90 s.", lines);
        Assert.Equal(["- c: no time", "- transformers: not there"], lines[^2..]);
        Assert.DoesNotContain(Text(null), line => line.Contains("PyTorch", StringComparison.Ordinal));
    }

    private static string[] Text(string? peers)
    {
        using JsonDocument equality = JsonDocument.Parse(Equality), protocol = JsonDocument.Parse(Protocol);
        using JsonDocument? others = peers is null ? null : JsonDocument.Parse(peers);
        return ResultTable.Text([equality.RootElement, protocol.RootElement], others?.RootElement).TrimEnd('\n').Split('\n');
    }
}
