using System.Collections.Concurrent;
using System.Diagnostics;

namespace MoA.Serving.Benchmarks;

/// <summary>Many streams at once, of whose readers some vanish and some are slow, under a ceiling that does not hold them all.</summary>
internal static class LoadCase
{
    private const int MaxPrompt = 2000, MaxNew = 64;

    public static async Task RunAsync(Settings settings, Report report)
    {
        (int streams, int texts) = (settings.Number("streams", 100), settings.Number("texts", 48));
        TimeSpan time = TimeSpan.FromMinutes(settings.Real("minutes", 30));
        string memory = settings.Text("kv-memory", "64MiB")!;
        string[] model = settings.Model();
        string moa = settings.Moa;
        Random random = new(settings.Seed);
        settings.RefuseOthers();
        // The shortest and the longest are among them.
        (int[] Prompt, int New)[] requests = [.. Enumerable.Range(0, texts).Select(i =>
            (Prompts.Make(random, i == 0 ? 1 : i == 1 ? MaxPrompt : random.Next(1, MaxPrompt)), random.Next(1, MaxNew)))];

        await using ServerProcess server = await ServerProcess.StartAsync(
            moa, [.. model, "--kv", "f32", "--kv-memory", memory, "--max-sequences", $"{streams}", "--queue", $"{2 * streams}"]);
        Completion[] alone = new Completion[texts];
        for (int i = 0; i < texts; i++)
        {
            alone[i] = await Completion.ReadAsync(server.Http, requests[i].Prompt, requests[i].New);
            if (alone[i].Error is string error)
                throw new InvalidOperationException($"alone, a prompt of {requests[i].Prompt.Length} tokens got {error}");
        }

        ConcurrentBag<(int Text, bool IsSlow, Completion Completion)> done = [];
        List<long> resident = [];
        Stopwatch clock = Stopwatch.StartNew();
        Task[] clients = [.. Enumerable.Range(0, streams).Select(client => ClientAsync(new Random(settings.Seed + 1 + client)))];
        while (clock.Elapsed < time)
        {
            await Task.Delay(TimeSpan.FromSeconds(1));
            resident.Add(server.ResidentBytes);
        }

        await Task.WhenAll(clients);
        double seconds = clock.Elapsed.TotalSeconds;
        Dictionary<string, long> state = await SettledAsync(server);
        Tell(report, alone, [.. done], seconds);
        int quarter = Math.Max(1, resident.Count / 4);
        (double first, double last) = (resident.Take(quarter).Average() / 1048576, resident.TakeLast(quarter).Average() / 1048576);
        report.Require("resident memory, first and last quarter", last < first * 1.1 + 32, $"{first:F0} MiB, {last:F0} MiB");
        report.Require("KV caches, most and ceiling", state["peakCacheBytes"] <= state["cacheLimit"],
            $"{state["peakCacheBytes"] / 1048576.0:F2} MiB of {state["cacheLimit"] / 1048576.0:F2} MiB");
        report.Require("left running, left waiting", state["running"] == 0 && state["waiting"] == 0, $"{state["running"]}, {state["waiting"]}");
        report.Require("bytes of caches beside those kept", state["cacheBytes"] == state["prefixBytes"], $"{state["cacheBytes"] - state["prefixBytes"]}");
        Report.Say("prompt tokens found in kept caches", $"{(double)state["cachedTokens"] / state["promptTokens"]:P0}");

        async Task ClientAsync(Random draw)
        {
            while (clock.Elapsed < time)
            {
                int text = draw.Next(texts);
                (bool vanishes, bool isSlow) = (draw.Next(10) == 0, draw.Next(10) == 0);
                using CancellationTokenSource gone = new();
                int lastPiece = draw.Next(1, MaxNew);
                // In the middle of the text, or while the prompt waits or is read.
                if (vanishes && draw.Next(2) == 0)
                    gone.CancelAfter(draw.Next(1, 2000));
                done.Add((text, isSlow, await Completion.ReadAsync(server.Http, requests[text].Prompt, requests[text].New, async it =>
                {
                    if (vanishes && it.Arrivals.Count >= lastPiece)
                        await gone.CancelAsync();
                    if (isSlow)
                        await Task.Delay(draw.Next(200));
                }, gone.Token)));
            }
        }
    }

    private static void Tell(Report report, Completion[] alone, (int Text, bool IsSlow, Completion Completion)[] done, double seconds)
    {
        Completion[] whole = [.. done.Select(it => it.Completion).Where(it => it.Error is null)];
        (int Text, bool IsSlow, Completion Completion)[] mixed = [.. done.Where(it => it.Completion.Error is null && it.Completion.Text != alone[it.Text].Text)];
        string lost = string.Join(", ", done.Select(it => it.Completion.Error ?? "gone").Where(error => error != "gone")
            .CountBy(error => error).Select(it => $"{it.Value} {it.Key}"));
        Report.Say("requests, whole / vanished", $"{done.Length}, {whole.Length} / {done.Count(it => it.Completion.Error == "gone")}");
        report.Require("lost", lost.Length == 0, $"{(lost.Length == 0 ? "none" : lost)}");
        report.Require("texts other than those written alone", mixed.Length == 0, $"{mixed.Length} of {whole.Length} ({whole.Sum(it => it.Text.Length)} characters)");
        foreach ((int text, _, Completion completion) in mixed.DistinctBy(it => it.Text).Take(5))
            Console.Error.WriteLine($"text {text}: alone «{alone[text].Text}», here «{completion.Text}» ({completion.Tokens.Cached} tokens cached, {completion.Finish})");
        Report.Say("tokens written a second", $"{whole.Sum(it => it.Tokens.New) / seconds:F0}");
        Report.SayTimes("time to first token", done.Select(it => it.Completion.FirstSeconds).Where(double.IsFinite));
        Report.SayTimes("time between tokens", done.Where(it => !it.IsSlow).SelectMany(it => it.Completion.Gaps()));
    }

    // Those who vanished are noticed at their next token at the latest.
    private static async Task<Dictionary<string, long>> SettledAsync(ServerProcess server)
    {
        Dictionary<string, long> state = await server.StateAsync();
        for (int i = 0; i < 100 && state["running"] + state["waiting"] > 0; i++)
        {
            await Task.Delay(100);
            state = await server.StateAsync();
        }

        return state;
    }
}
