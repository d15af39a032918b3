using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Serving;

namespace MoA.Server.Tests;

/// <summary>Plans by content over HTTP: conversations side by side are each the library's own, and what they hold is said.</summary>
public sealed class ContentPlanTests
{
    private const int Rows = 128, Piece = 64, NewTokens = 40;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Two_conversations_at_once_are_each_as_alone(bool expectsAttention)
    {
        RowScorer scorer = expectsAttention ? new ExpectedAttentionScorer() : new KeyDifferenceScorer();
        ContentPlanPolicy policy = new(AttentionPlan.Uniform(4, 8, HeadKind.KeyValue, new ElasticRule(Rows, 0)), scorer, piece: Piece);
        string[][] questions = [.. Enumerable.Range(0, 2).Select(Questions)];
        string[][] expected = [.. questions.Select(own => Alone(policy, own))];

        await using TestServer server = await TestServer.StartAsync(
            service: new ServiceOptions { Policy = policy, CacheType = ElementType.F32, CacheBytes = 256 << 20 });
        List<(string Role, string Content)>[] talks = [[], []];
        for (int turn = 0; turn < questions[0].Length; turn++)
        {
            for (int i = 0; i < talks.Length; i++)
                talks[i].Add(("user", questions[i][turn]));
            JsonElement[] answers = await Task.WhenAll(talks.Select(talk => server.AskAsync("/v1/chat/completions",
                $$"""{"messages":{{Messages(talk)}},"max_tokens":{{NewTokens}},"temperature":0}""")));
            for (int i = 0; i < talks.Length; i++)
            {
                string text = answers[i].GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
                Assert.Equal(expected[i][turn], text);
                talks[i].Add(("assistant", text));
                int prompt = answers[i].GetProperty("usage").GetProperty("prompt_tokens").GetInt32();
                CheckHeld(answers[i].GetProperty("moa"), prompt, expectsAttention);
                if (turn > 0)
                    Assert.InRange(prompt - answers[i].GetProperty("moa").GetProperty("cachedTokens").GetInt32(), 1, 40);
                Assert.True(prompt > Rows + Piece, $"{prompt} tokens: nothing was evicted");
            }
        }
    }

    // 4 layers of 8 KV heads, keys and values of 32 numbers in F32; statistics are a mean and a spread of 32 numbers for each head, of one query head.
    private static void CheckHeld(JsonElement said, int prompt, bool expectsAttention)
    {
        const long Row = 4 * 8 * 2 * 32 * 4;
        Assert.Equal(Rows * Row, said.GetProperty("kvBytes").GetInt64());
        int dense = (prompt + NewTokens + 63) / 64 * 64;
        Assert.Equal((double)Rows / dense, said.GetProperty("density").GetDouble(), 6);
        Assert.Equal((Rows + Piece) * Row + (expectsAttention ? 4 * 8 * 32 * 33 * 4 : 0), said.GetProperty("peakKvBytes").GetInt64());
    }

    // A record of 16 lines, and two questions about lines of it.
    private static string[] Questions(int talk)
    {
        string[] firsts = ["calm", "brave", "quiet", "blunt"], seconds = ["river", "stone", "field", "otter"];
        string[] names = [.. firsts.SelectMany(_ => seconds, (first, second) => $"{first}-{second}")];
        string record = string.Join('\n', names.Select((name, i) => $"line {name}: REGISTER_CONTENT is <{41239 + 1517 * i + 311 * talk}>"));
        return
        [
            $"Below is a record of lines. Remember the REGISTER_CONTENT of each line.\n{record}\nWhat is the <REGISTER_CONTENT> in line {names[2 + talk]}?",
            $"What is the <REGISTER_CONTENT> in line {names[9 + talk]}?",
        ];
    }

    private static string[] Alone(AttentionPolicy policy, string[] questions)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using LanguageModel model = LanguageModel.Load(MoA.Tests.RepositoryFiles.DemoModel, backend);
        using ChatSession session = new(model, policy, new GenerationOptions { MaxNewTokens = NewTokens }, ElementType.F32);
        return [.. questions.Select(question => session.Ask(question).Text)];
    }

    private static string Messages(IEnumerable<(string Role, string Content)> talk) =>
        $"[{string.Join(',', talk.Select(message => $"{{\"role\":\"{message.Role}\",\"content\":\"{JsonEncodedText.Encode(message.Content)}\"}}"))}]";
}
