using System.Diagnostics;

namespace MoA.Serving.Benchmarks;

/// <summary>Tokens a second of several streams at once.</summary>
internal static class StreamsCase
{
    public static async Task RunAsync(Settings settings, Report report)
    {
        (int tokens, int written) = (settings.Number("tokens", 512), settings.Number("new", 32));
        int[] counts = [.. settings.Text("streams", "1,4,16")!.Split(',').Select(int.Parse)];
        string[] model = settings.Model();
        string moa = settings.Moa;
        Random random = new(settings.Seed);
        settings.RefuseOthers();
        await using ServerProcess server = await ServerProcess.StartAsync(moa, model);
        int[][] prompts = [.. Enumerable.Range(0, counts.Max()).Select(_ => Prompts.Make(random, tokens))];
        // Prompts are read beforehand, all at once: what is timed is writing.
        _ = await Task.WhenAll(prompts.Select(prompt => Completion.ReadAsync(server.Http, prompt, 1)));
        double alone = 0;
        foreach (int count in counts)
        {
            Completion[] done = await Task.WhenAll(prompts.Take(count).Select(prompt => Completion.ReadAsync(server.Http, prompt, written)));
            string errors = string.Join(", ", done.Select(it => it.Error).OfType<string>().Distinct());
            report.Require($"{count} streams, errors", errors.Length == 0, $"{(errors.Length == 0 ? "none" : errors)}");
            if (errors.Length > 0)
                continue;
            // From when all write to when the first one ends.
            (long from, long to) = (done.Max(it => it.Arrivals[0]), done.Min(it => it.Arrivals[^1]));
            double rate = done.Sum(it => it.Gaps(from, to).Count()) / Stopwatch.GetElapsedTime(from, to).TotalSeconds;
            alone = alone == 0 ? rate : alone;
            Report.Say($"{count} streams, tokens a second", $"{rate:F1}, {rate / alone:F2} times one");
            Report.SayTimes($"{count} streams, time between tokens", done.SelectMany(it => it.Gaps(from, to)));
        }
    }
}
