using System.Text.Json;

namespace MoA.Tests.Commands;

public sealed class BenchCommandTests
{
    private static readonly string Model = RepositoryFiles.Fixture("models", "llama-mha");

    [Fact]
    public void The_document_has_a_row_for_each_policy_length_and_batch()
    {
        using TemporaryFolder folder = new();
        string plan = folder.Write("quarter.json", """{"alphas":[[0,0,0,0],[0,0,0,0]],"betas":[[0.25,0.25,0.25,0.25],[1,1,1,1]]}""");
        JsonElement document = Invocation.Json("bench", "--model", Model, "--policy", "dense", "streaming-llm:density=0.5", "--plan", plan,
            "--lengths", "1020", "--batch", "1,2", "--decode-tokens", "4", "--repeat", "1", "--kv", "f32", "--synthetic-context");
        Assert.Equal("f32", document.GetProperty("kv").GetString());
        Assert.Equal("f32", document.GetProperty("weights").GetString());
        Assert.Equal(
            [("dense", 1, 1.0), ("streaming-llm", 1, 0.5), ("moa", 1, 0.625), ("dense", 2, 1.0), ("streaming-llm", 2, 0.5), ("moa", 2, 0.625)],
            document.GetProperty("rows").EnumerateArray().Select(row => (
                row.GetProperty("policy").GetString()!, row.GetProperty("batch").GetInt32(), row.GetProperty("density").GetDouble())));
        foreach (JsonElement row in document.GetProperty("rows").EnumerateArray())
        {
            // 2 layers of 4 KV heads of size 16 in F32, keys and values: 1 KiB a token.
            double kept = 1024 * row.GetProperty("density").GetDouble() * row.GetProperty("batch").GetInt32();
            Assert.Equal(1024 * kept, row.GetProperty("kvBytes").GetInt64());
            Assert.Equal(1020, row.GetProperty("length").GetInt32());
            Assert.Equal(JsonValueKind.Null, row.GetProperty("prefillTokensPerSecond").ValueKind);
            Assert.True(row.GetProperty("decodeTokensPerSecond").GetDouble() > 0);
            Assert.Equal(JsonValueKind.Null, row.GetProperty("prefillJoulesPerToken").ValueKind);
            Assert.True(row.GetProperty("joulesPerToken").ValueKind == JsonValueKind.Null
                ? document.GetProperty("whyNoEnergy").GetString() is { Length: > 0 }
                : document.GetProperty("energySource").GetString()!.StartsWith("RAPL", StringComparison.Ordinal));
            Assert.True(row.GetProperty("peakResidentBytes").GetInt64() > row.GetProperty("kvBytes").GetInt64());
            Assert.Equal(row.GetProperty("policy").GetString() == "moa" ? plan : null,
                row.TryGetProperty("plan", out JsonElement file) ? file.GetString() : null);
        }
    }

    [Fact]
    public void Text_output_is_a_table_of_the_same_rows()
    {
        Invocation run = Invocation.Of("bench", "--model", Model, "--lengths", "64", "--decode-tokens", "2", "--repeat", "1", "--quiet");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("prefill, tokens/s", run.Output, StringComparison.Ordinal);
        Assert.Contains("  dense ", run.Output, StringComparison.Ordinal);
        Assert.Contains("GB/s", run.Output, StringComparison.Ordinal);
        Assert.NotEqual(
            run.Output.Contains("decode, J/token", StringComparison.Ordinal), run.Output.Contains("joules not told: ", StringComparison.Ordinal));
    }

    [Fact]
    public void The_largest_batch_fits_into_a_limit()
    {
        // 2 layers of 4 KV heads of size 16 in F32 take 1 KiB a token, 1 MiB a sequence of 1020 + 4 tokens; half of it half as much.
        JsonElement Measure(string limit) => Invocation.Json("bench", "--model", Model, "--policy", "dense", "streaming-llm:density=0.5", "--lengths", "1020",
            "--decode-tokens", "4", "--repeat", "1", "--kv", "f32", "--synthetic-context", "--largest-batch", "--memory-limit", limit);
        JsonElement[] rows = [.. Measure("16MiB").GetProperty("rows").EnumerateArray()];
        Assert.Equal([1, 2], rows.Select(row => row.GetProperty("kvBytes").GetInt64() / row.GetProperty("batch").GetInt32() / (512 << 10)).Order());
        foreach (JsonElement row in rows)
        {
            long kv = row.GetProperty("kvBytes").GetInt64(), reckoned = row.GetProperty("reckonedBytes").GetInt64();
            Assert.InRange(reckoned, (16 << 20) - kv / row.GetProperty("batch").GetInt32() + 1, 16 << 20);
            Assert.InRange(reckoned - kv, row.GetProperty("weightBytes").GetInt64() + 1, 16 << 20);
            Assert.Equal("memory", row.GetProperty("batchBoundBy").GetString());
        }

        JsonElement[] large = [.. Measure("17MiB").GetProperty("rows").EnumerateArray()];
        Assert.Equal(
            rows.Zip([1, 2]).Select(pair => pair.First.GetProperty("batch").GetInt32() + pair.Second), large.Select(row => row.GetProperty("batch").GetInt32()));
    }

    [Theory]
    [InlineData("--largest-batch --batch 2", "--batch 2", "--largest-batch")]
    [InlineData("--largest-batch --memory-limit 1MiB", "one sequence", "take 0.3 MiB", "only 0 MiB")]
    [InlineData("--batch 8 --memory-limit 1MiB", "--batch 8", "only 0 MiB", "--memory-limit")]
    [InlineData("--largest-batch --memory-limit 7", "--memory-limit 7", "1500MiB")]
    [InlineData("--lengths 4096", "--lengths 4096", "context", "2048", "--synthetic-context")]
    [InlineData("--lengths 63", "'63' is no length")]
    [InlineData("--batch 1,two", "--batch 1,two", "'two'")]
    [InlineData("--batch ,", "--batch ,", "is no batch")]
    [InlineData("--batch 1000", "--batch 1000", "512")]
    [InlineData("--decode-tokens 0", "--decode-tokens 0", "positive")]
    [InlineData("--decode-tokens 4000", "4000 decoded tokens", "2048")]
    [InlineData("--repeat 0", "--repeat 0", "positive")]
    [InlineData("--sampling top-q=3", "'top-q=3'", "temperature=T,top-k=K")]
    [InlineData("--sampling top-k=40,top-k=40", "'top-k=40'", "each once")]
    [InlineData("--sampling top-p=0,9", "--sampling top-p=0,9", "'9'")]
    [InlineData("--sampling top-p=1.5", "--sampling top-p=1.5", "top-p 1.5")]
    [InlineData("--sampling temperature=0,top-k=4", "temperature above 0")]
    [InlineData("--policy moa", "--plan FILE")]
    [InlineData("--policy dense magic", "magic")]
    [InlineData("--plan none.json", "none.json")]
    public void Bad_arguments_are_named_in_one_line(string options, params string[] words) =>
        Invocation.Of(["bench", "--model", Model, .. options.Split(' ')]).AssertRefused(words);

    [Fact]
    public void Sampling_adds_what_drawing_takes()
    {
        string[] arguments = ["bench", "--model", Model, "--lengths", "64", "--batch", "3", "--decode-tokens", "2", "--repeat", "1", "--quiet"];
        Assert.False(Invocation.Json(arguments).GetProperty("rows")[0].TryGetProperty("drawMillisecondsPerToken", out _));
        arguments = [.. arguments, "--sampling", "temperature=0.8,top-k=40,top-p=0.95,min-p=0.05"];
        JsonElement row = Invocation.Json(arguments).GetProperty("rows")[0];
        double draw = row.GetProperty("drawMillisecondsPerToken").GetDouble(), both = row.GetProperty("sampledTokensPerSecond").GetDouble();
        Assert.True(draw > 0);
        // The time of a token is that of the decode step and that of drawing.
        Assert.Equal(1 / row.GetProperty("decodeTokensPerSecond").GetDouble() + draw / 1000, 1 / both, 1e-9);
        string table = Invocation.Of(arguments).Output;
        Assert.Contains("drawing, ms/token", table, StringComparison.Ordinal);
        Assert.Contains("decode and draw, tokens/s", table, StringComparison.Ordinal);
    }

    [Fact]
    public void A_profile_shows_each_operation_and_its_parts()
    {
        string[] arguments = ["bench", "--model", Model, "--lengths", "64", "--decode-tokens", "2", "--repeat", "1", "--threads", "2", "--quiet"];
        Assert.False(Invocation.Json(arguments).GetProperty("rows")[0].TryGetProperty("decodeProfile", out _));
        arguments = [.. arguments, "--profile"];
        string table = Invocation.Of(arguments).Output;
        foreach (string words in new[] { "a decode step on 2 threads, mean of 2", "reading a prompt of 64 tokens", "kernels, ms", "  query, key, value ", "  rest ", "  step " })
            Assert.Contains(words, table, StringComparison.Ordinal);
        JsonElement row = Invocation.Json(arguments).GetProperty("rows")[0];
        foreach ((string name, int steps) in new[] { ("decodeProfile", 2), ("prefillProfile", 1) })
        {
            JsonElement profile = row.GetProperty(name);
            Assert.Equal(steps, profile.GetProperty("steps").GetInt32());
            JsonElement[] operations = [.. profile.GetProperty("operations").EnumerateArray()];
            foreach (string figure in new[] { "jobs", "seconds", "share", "kernelSeconds", "startSeconds", "endSeconds", "serialSeconds", "bytes", "flop" })
                Assert.Equal(profile.GetProperty(figure).GetDouble(), operations.Sum(one => one.GetProperty(figure).GetDouble()), 1e-9);
            Assert.All(operations.Append(profile), one =>
            {
                double seconds = one.GetProperty("seconds").GetDouble(), bytes = one.GetProperty("bytes").GetDouble();
                Assert.Equal(bytes / seconds, one.GetProperty("bytesPerSecond").GetDouble(), 1e-3);
                Assert.Equal(bytes / seconds / profile.GetProperty("bandwidthBytesPerSecond").GetDouble(), one.GetProperty("bandwidthShare").GetDouble(), 1e-9);
                Assert.Equal(one.GetProperty("flop").GetDouble() / seconds, one.GetProperty("flopPerSecond").GetDouble(), 1e-3);
            });
        }

        row = Invocation.Json([.. arguments, "--synthetic-context"]).GetProperty("rows")[0];
        Assert.Equal(JsonValueKind.Null, row.GetProperty("prefillProfile").ValueKind);
        Invocation.Of([.. arguments, "--device", "emulated:4"]).AssertRefused("--profile", "--device emulated:4");
    }

    /// <summary>Weights that stand nowhere, on ILGPU's emulated device.</summary>
    [Fact]
    public void A_shape_runs_without_a_file()
    {
        const string Shape = "hidden=32,layers=1,heads=2,intermediate=32,vocabulary=24";
        JsonElement document = Invocation.Json("bench", "--shape", Shape, "--weights", "q8_0", "--device", "emulated:4", "--lengths", "64",
            "--decode-tokens", "1", "--repeat", "1", "--synthetic-context");
        Assert.Equal("hidden=32 (random)", document.GetProperty("model").GetString());
        Assert.Contains("emulated", document.GetProperty("backend").GetString(), StringComparison.Ordinal);
        // Matrices and an embedding in Q8_0, 34 bytes for 32 numbers; keys and values of two heads, 128 rows of 32 bytes.
        JsonElement row = document.GetProperty("rows")[0];
        Assert.Equal(34 * (7 * 32 + 2 * 24) + 3 * 4 * 32, row.GetProperty("weightBytes").GetInt64());
        Assert.Equal(2 * 2 * 128 * 32, row.GetProperty("kvBytes").GetInt64());
        Invocation.Of("bench", "--shape", "vicuna-7b").AssertRefused("--shape vicuna-7b", "moa model random --shape vicuna-7b");
        Invocation.Of("bench", "--shape", "vicuna-7b", "--model", Model).AssertRefused("--shape vicuna-7b", "expected one of them");
    }
}
