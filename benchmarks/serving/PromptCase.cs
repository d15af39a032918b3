using System.Diagnostics;

namespace MoA.Serving.Benchmarks;

/// <summary>A long prompt that arrives while others are writing: what it costs them, and what they cost it.</summary>
internal static class PromptCase
{
    public static async Task RunAsync(Settings settings, Report report)
    {
        (int tokens, int streams, int written) = (settings.Number("tokens", 16384), settings.Number("streams", 8), settings.Number("new", 4000));
        TimeSpan time = TimeSpan.FromSeconds(settings.Real("seconds", 20));
        string[] model = settings.Model();
        string moa = settings.Moa;
        Random random = new(settings.Seed);
        settings.RefuseOthers();
        await using ServerProcess server = await ServerProcess.StartAsync(moa, model);
        Completion alone = await Completion.ReadAsync(server.Http, Prompts.Make(random, tokens), 1);

        using CancellationTokenSource enough = new();
        Completion?[] writing = new Completion?[streams];
        Task<Completion>[] writers = [.. Enumerable.Range(0, streams).Select(i => Completion.ReadAsync(
            server.Http, Prompts.Make(random, 64), written, it =>
            {
                writing[i] = it;
                return Task.CompletedTask;
            }, enough.Token))];
        while (writing.Any(it => it is null) && !writers.Any(writer => writer.IsCompleted))
            await Task.Delay(10);
        await Task.Delay(TimeSpan.FromSeconds(2));
        long start = Stopwatch.GetTimestamp();
        await Task.Delay(time);
        long before = Stopwatch.GetTimestamp();
        Completion prompt = await Completion.ReadAsync(server.Http, Prompts.Make(random, tokens), 1);
        long after = Stopwatch.GetTimestamp();
        int ended = writers.Count(writer => writer.IsCompleted);
        await enough.CancelAsync();
        Completion[] done = await Task.WhenAll(writers);

        report.Require("the prompt's errors", (alone.Error ?? prompt.Error) is null, $"{alone.Error ?? prompt.Error ?? "none"}");
        report.Require("streams that ended too early to be timed", ended == 0, $"{ended} of {streams}");
        double[] without = [.. done.SelectMany(it => it.Gaps(start, before))], with = [.. done.SelectMany(it => it.Gaps(prompt.Sent, after))];
        Report.SayTimes($"time between tokens of {streams} streams", without);
        Report.SayTimes($"the same while a prompt of {tokens} tokens is read", with);
        Report.Say("p99 with it, as a multiple", $"{Report.Quantile(with, 0.99) / Report.Quantile(without, 0.99):F2}");
        Report.Say("the prompt alone, and beside them", $"{alone.FirstSeconds:F2} s, {prompt.FirstSeconds:F2} s, {prompt.FirstSeconds / alone.FirstSeconds:F2} times");
    }
}
