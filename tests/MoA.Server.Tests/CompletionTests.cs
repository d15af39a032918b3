using System.Text.Json;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Server.Tests;

public class CompletionTests(TestServer server) : IClassFixture<TestServer>
{
    private const string Path = "/v1/completions";

    private const string Prompt = "The key of alpha is 4711. The key of alpha is";

    [Fact]
    public async Task Texts_and_tokens_alone_and_in_lists_give_the_same_texts()
    {
        string tokens = $"[{string.Join(',', server.Model.Tokenizer!.EncodePrompt(Prompt))}]", other = $"[{string.Join(',', server.Model.Tokenizer.EncodePrompt("Once"))}]";
        string[] one = await Texts($"\"{Prompt}\"");
        Assert.Single(one);
        Assert.Equal(one, await Texts(tokens));
        string[] two = await Texts($"[\"{Prompt}\",\"Once\"]");
        Assert.Equal(2, two.Length);
        Assert.Equal(one[0], two[0]);
        Assert.Equal(two, await Texts($"[{tokens},{other}]"));

        async Task<string[]> Texts(string prompt) => [.. (await server.AskAsync(Path, $$"""{"prompt":{{prompt}},"max_tokens":8,"temperature":0}"""))
            .GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("text").GetString()!)];
    }

    [Fact]
    public async Task Nobody_saying_how_many_tokens_gets_sixteen()
    {
        JsonElement answer = await server.AskAsync(Path, $$"""{"prompt":"{{Prompt}}","temperature":0,"logit_bias":{"65":100},"n":1}""");
        Assert.Equal(16, answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        Assert.Equal("length", answer.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        Assert.Equal("text_completion", answer.GetProperty("object").GetString());
    }

    [Fact]
    public async Task An_echo_stands_before_the_text_and_streams_say_the_same()
    {
        const string Asked = ""","max_tokens":6,"temperature":0""";
        string without = (await server.AskAsync(Path, $$"""{"prompt":"{{Prompt}}"{{Asked}}}""")).GetProperty("choices")[0].GetProperty("text").GetString()!;
        string whole = (await server.AskAsync(Path, $$"""{"prompt":"{{Prompt}}","echo":true{{Asked}}}""")).GetProperty("choices")[0].GetProperty("text").GetString()!;
        Assert.Equal(Prompt + without, whole);

        List<(string? Name, string Data)> events = await server.StreamAsync(
            Path, $$"""{"prompt":["{{Prompt}}","Once"],"n":2,"echo":true,"stream":true,"stream_options":{"include_usage":true}{{Asked}}}""");
        Assert.Equal("[DONE]", events[^1].Data);
        List<JsonElement> chunks = [.. events.SkipLast(1).Select(e => TestServer.Parse(e.Data))];
        Assert.Single(chunks.Select(chunk => chunk.GetProperty("id").GetString()).Distinct());
        ILookup<int, JsonElement> choices = chunks.SelectMany(chunk => chunk.GetProperty("choices").EnumerateArray())
            .ToLookup(choice => choice.GetProperty("index").GetInt32());
        Assert.Equal(4, choices.Count);
        Assert.Equal(whole, Join(0));
        Assert.Equal(whole, Join(1));
        Assert.StartsWith("Once", Join(2), StringComparison.Ordinal);
        Assert.All(choices, choice => Assert.Single(choice, chunk => chunk.GetProperty("finish_reason").ValueKind == JsonValueKind.String));
        int prompts = server.Model.Tokenizer!.EncodePrompt(Prompt).Length + server.Model.Tokenizer.EncodePrompt("Once").Length;
        Assert.Equal(prompts, chunks[^1].GetProperty("usage").GetProperty("prompt_tokens").GetInt32());

        string Join(int index) => string.Concat(choices[index].Select(choice => choice.GetProperty("text").GetString()));
    }

    [Fact]
    public async Task Likelihoods_stand_in_the_older_form()
    {
        JsonElement answer = await server.AskAsync(Path, $$"""{"prompt":"{{Prompt}}","max_tokens":4,"temperature":0,"logprobs":2}""");
        JsonElement choice = answer.GetProperty("choices")[0], scores = choice.GetProperty("logprobs");
        Assert.Equal(choice.GetProperty("text").GetString(), string.Concat(scores.GetProperty("tokens").EnumerateArray().Select(token => token.GetString())));
        Assert.Equal(4, scores.GetProperty("token_logprobs").GetArrayLength());
        Assert.All(scores.GetProperty("top_logprobs").EnumerateArray(), top => Assert.InRange(top.EnumerateObject().Count(), 1, 2));
        Assert.Equal(0, scores.GetProperty("text_offset")[0].GetInt32());
    }

    /// <summary>What lm-evaluation-harness asks for: the likelihood of an answer behind its question, the last token being one that it did not ask for.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Echoed_prompts_have_their_likelihoods(int newTokens)
    {
        Tokenizer tokenizer = server.Model.Tokenizer!;
        int[] tokens = tokenizer.EncodePrompt(Prompt);
        double[] expected = new SequenceScorer(server.Model.Transformer).Score(tokens, [.. tokens.Select(_ => true)]);
        string asked = $$""","max_tokens":{{newTokens}},"temperature":0,"logprobs":1,"echo":true""";
        JsonElement answer = await server.AskAsync(Path, $$"""{"prompt":"{{Prompt}}"{{asked}}}""");
        JsonElement choice = answer.GetProperty("choices")[0], scores = choice.GetProperty("logprobs");
        string text = choice.GetProperty("text").GetString()!;
        Assert.StartsWith(Prompt, text, StringComparison.Ordinal);
        Assert.Equal((tokens.Length, newTokens), (Usage("prompt_tokens"), Usage("completion_tokens")));
        foreach (string name in (string[])["tokens", "token_logprobs", "top_logprobs", "text_offset"])
            Assert.Equal(tokens.Length + newTokens, scores.GetProperty(name).GetArrayLength());
        Assert.Equal(JsonValueKind.Null, scores.GetProperty("token_logprobs")[0].ValueKind);
        Assert.Equal(JsonValueKind.Null, scores.GetProperty("top_logprobs")[0].ValueKind);
        Assert.Equal(expected, scores.GetProperty("token_logprobs").EnumerateArray().Skip(1).Take(tokens.Length - 1).Select(score => score.GetDouble()));
        int[] offsets = [.. scores.GetProperty("text_offset").EnumerateArray().Select(offset => offset.GetInt32())];
        for (int i = 1; i < tokens.Length + newTokens; i++)
        {
            string token = scores.GetProperty("tokens")[i].GetString()!;
            Assert.Equal(token, text.Substring(offsets[i], token.Length));
            JsonElement top = scores.GetProperty("top_logprobs")[i];
            Assert.InRange(top.EnumerateObject().Count(), 1, 2);
            Assert.Equal(scores.GetProperty("token_logprobs")[i].GetDouble(), top.GetProperty(token).GetDouble());
        }

        // By tokens, among others, and in a stream.
        answer = await server.AskAsync(Path, $$"""{"prompt":[[7],[{{string.Join(',', tokens)}}]],"n":2{{asked}}}""");
        Assert.Equal(4, answer.GetProperty("choices").GetArrayLength());
        Assert.Equal(
            Numbers(scores), Numbers(answer.GetProperty("choices")[3].GetProperty("logprobs")));
        List<(string? Name, string Data)> events = await server.StreamAsync(Path, $$"""{"prompt":"{{Prompt}}","stream":true{{asked}}}""");
        JsonElement[] chunks = [.. events.SkipLast(1).Select(e => TestServer.Parse(e.Data).GetProperty("choices")[0])];
        Assert.Equal(text, string.Concat(chunks.Select(chunk => chunk.GetProperty("text").GetString())));
        Assert.Equal(Numbers(scores), chunks.Where(chunk => chunk.GetProperty("logprobs").ValueKind == JsonValueKind.Object).SelectMany(chunk => Numbers(chunk.GetProperty("logprobs"))));

        int Usage(string name) => answer.GetProperty("usage").GetProperty(name).GetInt32();

        static IEnumerable<string> Numbers(JsonElement scores) => scores.GetProperty("token_logprobs").EnumerateArray().Select(number => number.GetRawText());
    }

    [Theory]
    [InlineData("""{"prompt":"x","suffix":"y"}""", "suffix")]
    [InlineData("""{"prompt":"x","max_tokens":-1}""", "max_tokens")]
    [InlineData("""{"prompt":[]}""", "prompt")]
    [InlineData("""{"prompt":[1,"x"]}""", "prompt[1]")]
    [InlineData("""{"prompt":["x",[]]}""", "prompt[1]")]
    [InlineData("""{"prompt":[-1]}""", "prompt[0]")]
    [InlineData("""{"prompt":[1280]}""", "prompt[0]")]
    [InlineData("""{"prompt":{"text":"x"}}""", "prompt")]
    [InlineData("""{"prompt":"x","n":129}""", "n")]
    [InlineData("""{}""", "prompt")]
    public async Task What_cannot_be_done_is_refused_by_name(string json, string parameter) =>
        Assert.Equal(parameter, (await server.FailAsync(Path, json)).GetProperty("param").GetString());

    [Fact]
    public async Task Tokens_and_texts_lead_to_each_other()
    {
        Tokenizer tokenizer = server.Model.Tokenizer!;
        JsonElement tokens = await server.AskAsync("/tokenize", """{"content":"Hello, wörld"}""");
        Assert.Equal(tokenizer.Encode("Hello, wörld", false, true), tokens.GetProperty("tokens").EnumerateArray().Select(token => token.GetInt32()));
        Assert.Equal(tokens.GetProperty("tokens").GetArrayLength(), tokens.GetProperty("count").GetInt32());
        JsonElement text = await server.AskAsync("/detokenize", $$"""{"tokens":{{tokens.GetProperty("tokens").GetRawText()}}}""");
        Assert.Equal("Hello, wörld", text.GetProperty("content").GetString());

        const string Chat = """{"messages":[{"role":"user","content":"Hi"}]}""";
        string rendered = (await server.AskAsync("/apply-template", Chat)).GetProperty("prompt").GetString()!;
        Assert.Equal("<|bos|><|user|>\nHi\n<|assistant|>\n", rendered);
        JsonElement chat = await server.AskAsync("/tokenize", Chat);
        Assert.Equal(tokenizer.Encode(rendered, false, true), chat.GetProperty("tokens").EnumerateArray().Select(token => token.GetInt32()));
        JsonElement parts = await server.AskAsync("/tokenize", """{"content":"日","with_pieces":true}""");
        Assert.Equal("日"u8.ToArray(), parts.GetProperty("tokens").EnumerateArray().SelectMany(token => BytesOf(token.GetProperty("piece"))));
        JsonElement pieces = await server.AskAsync("/tokenize", """{"content":"Hello","with_pieces":true}""");
        Assert.Equal("Hello", string.Concat(pieces.GetProperty("tokens").EnumerateArray().Select(token => token.GetProperty("piece").GetString())));
    }

    private static IEnumerable<byte> BytesOf(JsonElement piece) => piece.ValueKind == JsonValueKind.String
        ? System.Text.Encoding.UTF8.GetBytes(piece.GetString()!)
        : piece.EnumerateArray().Select(part => part.GetByte());
}
