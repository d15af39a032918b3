using System.Text.Json;

namespace MoA.Tests.Commands;

public sealed class ScoreCommandTests
{
    public static TheoryData<string> Models =>
        ["llama-mha", "llama-gqa-llama3", "llama-linear", "mistral", "qwen2-bf16", "qwen3"];

    [Theory]
    [MemberData(nameof(Models))]
    public void The_mean_cross_entropy_of_token_items_is_the_expected_one(string model)
    {
        using TemporaryFolder folder = new();
        (string data, int tokens, double expected) = TokenItem(folder, model);
        JsonElement result = Score(model, data);
        JsonElement item = Assert.Single(result.GetProperty("items").EnumerateArray());
        Assert.Equal((tokens, tokens - 1), (item.GetProperty("tokens").GetInt32(), item.GetProperty("scored").GetInt32()));
        Assert.Equal(expected, item.GetProperty("meanCrossEntropy").GetDouble(), 1e-4);
        Assert.Equal(expected, result.GetProperty("meanCrossEntropy").GetDouble(), 1e-4);
        Assert.Equal(Math.Exp(expected), result.GetProperty("perplexity").GetDouble(), 1e-4 * Math.Exp(expected));
        Assert.Equal(expected, -Scores(result).Average(), 1e-4);
    }

    [Theory]
    [InlineData("llama-gqa-llama3", 1)]
    [InlineData("llama-mha", 100)]
    [InlineData("mistral", 64)]
    public void Decode_steps_give_what_prefill_gives(string model, int decodeFrom)
    {
        using TemporaryFolder folder = new();
        (string data, _, _) = TokenItem(folder, model);
        double[] prefilled = Scores(Score(model, data)), decoded = Scores(Score(model, data, "--decode-from", $"{decodeFrom}"));
        Assert.Equal(prefilled.Length, decoded.Length);
        for (int i = 0; i < decoded.Length; i++)
            Assert.Equal(prefilled[i], decoded[i], 1e-4);
    }

    // The item has 192 tokens. A span of half of N = 192 keeps 128 rows (the least), of N = 448 256 rows: all there are.
    [Fact]
    public void Rules_see_the_prefilled_tokens_and_the_new_ones()
    {
        using TemporaryFolder folder = new();
        (string data, int tokens, _) = TokenItem(folder, "llama-mha");
        Assert.Equal(192, tokens);
        string[] half = ["--policy", "streaming-llm:density=0.5", "--decode-from", "128"];
        double[] dense = Scores(Score("llama-mha", data, "--decode-from", "128"));
        double[] ofItem = Scores(Score("llama-mha", data, half));
        Assert.Equal(ofItem, Scores(Score("llama-mha", data, [.. half, "--max-new-tokens", "64"])));
        Assert.Equal(dense, Scores(Score("llama-mha", data, [.. half, "--max-new-tokens", "320"])));
        Assert.Equal(dense[..127], ofItem[..127]);
        Assert.Contains(dense.Zip(ofItem), pair => Math.Abs(pair.First - pair.Second) > 1e-3);
    }

    [Fact]
    public void A_conversation_counts_its_answers_and_a_text_all_but_its_first_token()
    {
        using TemporaryFolder folder = new();
        string data = folder.Write("items.jsonl",
            """
            {"messages":[{"role":"user","content":"Say 12."},{"role":"assistant","content":"It is 12."}]}
            {"text":"First Citizen: speak, speak."}
            """ + "\n");
        JsonElement[] items = [.. Invocation.Json("score", "--data", data).GetProperty("items").EnumerateArray()];
        int answer = Tokens("It is 12.", "--no-special-tokens"), text = Tokens("First Citizen: speak, speak.");
        Assert.Equal(answer + 1, items[0].GetProperty("scored").GetInt32()); // and the end-of-turn token
        Assert.Equal((text, text - 1), (items[1].GetProperty("tokens").GetInt32(), items[1].GetProperty("scored").GetInt32()));

        static int Tokens(string text, params string[] options) => Invocation.Json(["model", "tokenize", text, .. options])
            .GetProperty("items")[0].GetProperty("tokens").GetArrayLength();
    }

    [Fact]
    public void Text_output_names_the_line_and_the_perplexity()
    {
        using TemporaryFolder folder = new();
        string data = folder.Write("items.jsonl", """{"text":"First Citizen: speak, speak."}""");
        Invocation run = Invocation.Of("score", "--data", data, "--quiet");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains($"{data}:1: ", run.Output, StringComparison.Ordinal);
        Assert.Contains("perplexity ", run.Output, StringComparison.Ordinal);
    }

    private static (string File, int Tokens, double MeanCrossEntropy) TokenItem(TemporaryFolder folder, string model)
    {
        using JsonDocument input = JsonDocument.Parse(File.ReadAllBytes(RepositoryFiles.Fixture("models", model, "input.json")));
        JsonElement ids = input.RootElement.GetProperty("input_ids");
        return (folder.Write("items.jsonl", $$"""{"tokens":{{ids.GetRawText()}}}"""), ids.GetArrayLength(),
            input.RootElement.GetProperty("mean_cross_entropy_all_positions").GetDouble());
    }

    private static JsonElement Score(string model, string data, params string[] options) =>
        Invocation.Json(["score", "--model", RepositoryFiles.Fixture("models", model), "--data", data, "--kv", "f32", .. options]);

    private static double[] Scores(JsonElement result) =>
        [.. result.GetProperty("items")[0].GetProperty("logProbabilities").EnumerateArray().Select(value => value.GetDouble())];
}
