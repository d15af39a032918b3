using System.Net.Http.Json;
using System.Text.Json;

namespace MoA.Tests.Cluster;

/// <summary>A server and workers in processes of their own, which answer as one server does, one of them killed.</summary>
public sealed class ClusterServeTests
{
    private const string Question = "What is the REGISTER_CONTENT in line calm-river? line calm-river: REGISTER_CONTENT is <40893>";

    [Fact]
    public async Task Members_answer_as_one_server_does()
    {
        using PostgreSql postgres = new();
        if (!postgres.IsThere)
            return;
        string cluster = postgres.CreateDatabase();
        Assert.Equal(0, Invocation.Of("cluster", "setup", "--cluster", cluster).ExitCode);
        string[] serve = ["serve", "--port", "0", "--kv-memory", "64MiB", "--kv", "f32", "--policy", "streaming-llm:span=256", "--threads", "1"];
        using ChildProcess alone = ChildProcess.Start(serve), server = ChildProcess.Start([.. serve, "--cluster", cluster, "--name", "server"]);
        using ChildProcess first = Worker("first"), second = Worker("second");
        Assert.All([first, second], worker => Assert.NotNull(worker.WaitForLine("moa: holds conversations of demo")));
        using HttpClient one = Client(alone), many = Client(server);
        await Task.Delay(TimeSpan.FromSeconds(6)); // reports of members from before they held conversations are too old then
        List<string>[] conversations = [.. Enumerable.Range(0, 6).Select(_ => new List<string>())];
        for (int turn = 0; turn < 3; turn++)
        {
            if (turn == 2)
                first.Signal(ChildProcess.Kill);
            await Task.WhenAll(conversations.Select(async (messages, number) =>
            {
                messages.Add(turn == 0 ? $"{number}. {Question}" : "And what is it now?");
                string expected = await AskAsync(one, messages, number), answer = await AskAsync(many, messages, number);
                Assert.Equal(expected, answer);
                messages.Add(answer);
            }));
            if (turn == 1)
            {
                JsonElement status = Invocation.Json("cluster", "status", "--cluster", cluster);
                int[] held = [.. status.GetProperty("members").EnumerateArray().Select(member => member.GetProperty("conversations").GetProperty("held").GetInt32())];
                Assert.Equal(6, held.Sum());
                Assert.InRange(held.Max(), 2, 5); // not all at one; a member that is slow to answer may have none
            }
        }

        server.Signal(ChildProcess.Terminate);
        Assert.Equal(0, server.WaitForEnd().ExitCode);

        ChildProcess Worker(string name) => ChildProcess.Start("worker", "--cluster", cluster, "--name", name, "--kv-memory", "64MiB", "--threads", "1");
    }

    private static HttpClient Client(ChildProcess server)
    {
        string line = server.WaitForLine("moa: ready at ")!;
        return new HttpClient { BaseAddress = new Uri(line.Split(' ')[3]), Timeout = TimeSpan.FromMinutes(1) };
    }

    private static async Task<string> AskAsync(HttpClient client, IReadOnlyList<string> messages, int seed)
    {
        using HttpResponseMessage answer = await client.PostAsync("v1/chat/completions", JsonContent.Create(new Dictionary<string, object>
        {
            ["messages"] = messages.Select((text, i) => new Dictionary<string, string> { ["role"] = i % 2 == 0 ? "user" : "assistant", ["content"] = text }).ToArray(),
            ["max_tokens"] = 30,
            ["temperature"] = 2,
            ["seed"] = seed,
        }));
        JsonElement body = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.True(answer.IsSuccessStatusCode, body.GetRawText());
        return body.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
    }
}
