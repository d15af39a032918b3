using System.Net.Http.Json;
using System.Text.Json;

namespace MoA.Serving.Benchmarks;

/// <summary>The second turn of a long conversation: on kept caches, on those of files after a restart, and read afresh.</summary>
internal static class TurnCase
{
    private const int Answer = 16, Question = 64;

    public static async Task RunAsync(Settings settings, Report report)
    {
        int tokens = settings.Number("tokens", 16384);
        string[] model = settings.Model();
        string moa = settings.Moa;
        Random random = new(settings.Seed);
        settings.RefuseOthers();
        string folder = Directory.CreateTempSubdirectory("moa-serving-").FullName;
        try
        {
            string[] arguments = [.. model, "--session-dir", folder];
            int[] first = Prompts.Make(random, tokens), second;
            Completion fresh, next;
            await using (ServerProcess server = await ServerProcess.StartAsync(moa, arguments))
            {
                fresh = await AskAsync(server, first);
                using HttpResponseMessage answer = await server.Http.PostAsync("tokenize", JsonContent.Create(new Dictionary<string, string> { ["content"] = fresh.Text }));
                using JsonDocument written = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
                second = [.. first, .. written.RootElement.GetProperty("tokens").EnumerateArray().Select(token => token.GetInt32()), .. Prompts.Make(random, Question)];
                next = await AskAsync(server, second);
                int code = await server.StopAsync();
                report.Require("exit code of the stopped server", code == 0, $"{code}");
            }

            Completion restarted;
            await using (ServerProcess server = await ServerProcess.StartAsync(moa, arguments))
                restarted = await AskAsync(server, [.. second, .. Prompts.Make(random, Question)]);
            Report.Say("tokens of the first turn, time to its first token", $"{tokens}, {fresh.FirstSeconds:F2} s");
            Tell("second turn", next, second.Length);
            Tell("third turn, after a restart", restarted, second.Length + Question);

            void Tell(string name, Completion turn, int length) => report.Require(name, turn.Tokens.Cached >= tokens,
                $"{turn.FirstSeconds:F2} s, {turn.FirstSeconds / fresh.FirstSeconds:P1} of the first; {length - turn.Tokens.Cached} of {length} tokens read");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<Completion> AskAsync(ServerProcess server, int[] prompt)
    {
        Completion completion = await Completion.ReadAsync(server.Http, prompt, Answer);
        return completion.Error is null ? completion : throw new InvalidOperationException($"a prompt of {prompt.Length} tokens got {completion.Error}");
    }
}
