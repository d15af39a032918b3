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
        await Task.Delay(time);
        int ended = writers.Count(writer => writer.IsCompleted);
        await enough.CancelAsync();
        Completion[] done = await Task.WhenAll(writers);

        report.Require("the prompt's errors", (alone.Error ?? prompt.Error) is null, $"{alone.Error ?? prompt.Error ?? "none"}");
        report.Require("streams that ended too early to be timed", ended == 0, $"{ended} of {streams}");
        // The texts grow meanwhile, and their steps with them.
        double[] earlier = [.. done.SelectMany(it => it.Gaps(start, before))], later = [.. done.SelectMany(it => it.Gaps(after))];
        double[] with = [.. done.SelectMany(it => it.Gaps(prompt.Sent, after))];
        Report.SayTimes($"time between tokens of {streams} streams, before", earlier);
        Report.SayTimes($"the same while a prompt of {tokens} tokens is read", with);
        Report.SayTimes("the same afterwards", later);
        double p99 = Report.Quantile(with, 0.99);
        Report.Say("p99 with it, as a multiple of that before, and afterwards", $"{p99 / Report.Quantile(earlier, 0.99):F2}, {p99 / Report.Quantile(later, 0.99):F2}");
        Report.Say("the prompt alone, and beside them", $"{alone.FirstSeconds:F2} s, {prompt.FirstSeconds:F2} s, {prompt.FirstSeconds / alone.FirstSeconds:F2} times");
    }
}
