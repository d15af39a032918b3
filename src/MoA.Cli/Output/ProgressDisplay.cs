using System.Diagnostics;
using System.Globalization;
using MoA.Search;
using Spectre.Console;

namespace MoA.Cli.Output;

/// <summary>Progress of long commands: bars on a terminal, now and then a line elsewhere.</summary>
internal static class ProgressDisplay
{
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(10);

    public static T Run<T>(Streams streams, bool quiet, Func<Action<StepProgress>, T> work)
    {
        if (quiet)
            return work(static _ => { });
        return streams.ErrorIsTerminal ? WithBars(work) : WithLines(streams.Error, work);
    }

    private static T WithBars<T>(Func<Action<StepProgress>, T> work)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Progress()
            .AutoClear(false)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(),
                new RemainingTimeColumn())
            .Start(context =>
            {
                Dictionary<string, ProgressTask> tasks = [];
                StepClock clock = new();
                return work(progress =>
                {
                    lock (tasks)
                    {
                        if (!tasks.TryGetValue(progress.Step, out ProgressTask? task))
                            tasks[progress.Step] = task = context.AddTask(progress.Step);
                        task.MaxValue = Math.Max(progress.Total, 1);
                        task.Value = progress.Done;
                        task.Description = Markup.Escape(
                            $"{progress.Step,-10} {progress.Item} ({Count(progress)}){clock.Rate(progress)}");
                    }
                });
            });
    }

    private static T WithLines<T>(TextWriter error, Func<Action<StepProgress>, T> work)
    {
        StepClock clock = new();
        Stopwatch sinceLine = Stopwatch.StartNew();
        string step = "";
        return work(progress =>
        {
            bool ends = progress.Done >= progress.Total;
            if (progress.Step == step && !ends && sinceLine.Elapsed < LineInterval)
                return;
            string left = ends ? "" : clock.TimeLeft(progress);
            error.WriteLine($"{progress.Step}: {progress.Item} ({Count(progress)}){clock.Rate(progress)}{left}");
            step = progress.Step;
            sinceLine.Restart();
        });
    }

    private static string Count(StepProgress progress) => $"{progress.Done}/{progress.Total}{(progress.Unit.Length > 0 ? $" {progress.Unit}" : "")}";

    /// <summary>Speeds of the steps, from when each was first heard of.</summary>
    private sealed class StepClock
    {
        private readonly Dictionary<string, (long Start, int Done)> _starts = [];

        public string Rate(StepProgress progress)
        {
            double seconds = Elapsed(progress).TotalSeconds;
            (double count, string unit) = progress.Unit.Length > 0 ? (progress.Done - _starts[progress.Step].Done, progress.Unit) : (progress.Tokens, "tokens");
            return count <= 0 || seconds < 0.5
                ? ""
                : string.Create(CultureInfo.InvariantCulture, $", {count / seconds:N0} {unit}/s");
        }

        public string TimeLeft(StepProgress progress)
        {
            TimeSpan elapsed = Elapsed(progress);
            int done = progress.Done - _starts[progress.Step].Done;
            if (done <= 0 || elapsed.TotalSeconds < 1)
                return "";
            TimeSpan left = elapsed / done * (progress.Total - progress.Done);
            return string.Create(CultureInfo.InvariantCulture, $", {left:h\\:mm\\:ss} left");
        }

        private TimeSpan Elapsed(StepProgress progress)
        {
            if (!_starts.TryGetValue(progress.Step, out (long Start, int Done) start))
                _starts[progress.Step] = start = (Stopwatch.GetTimestamp(), progress.Done);
            return Stopwatch.GetElapsedTime(start.Start);
        }
    }
}
