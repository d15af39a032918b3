using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Evaluation.Comparison;
using MoA.Evaluation.Tasks;

namespace MoA.Cli.Commands;

/// <summary><c>moa eval compare</c>: results side by side, as a table and a page.</summary>
internal sealed class EvalCompareCommand : CliCommand
{
    private readonly Argument<string[]> _folders = new("DIR")
    {
        Description = "Folders with results of moa eval",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string?> _page = new("--page")
    {
        Description = $"The page to write; a file there that is no such page stays and is an error (default: {ComparisonPage.FileName} in the first DIR)",
        HelpName = "FILE",
    };

    public EvalCompareCommand(Streams streams)
        : base("compare", "Puts results side by side: tables here, and one page with a leaderboard, accuracy against density, lengths, depths, memory and speed.", streams)
    {
        Examples = ["moa eval compare moa-eval", "moa eval compare runs-a runs-b --page comparison.html"];
        Arguments.Add(_folders);
        Options.Add(_page);
    }

    protected override void Run(CommandContext context)
    {
        string[] folders = context.Get(_folders)!;
        string page = context.Get(_page) ?? Path.Combine(folders[0], ComparisonPage.FileName);
        ComparisonReport report = ComparisonReport.Read(folders, ToolVersion.Text);
        ComparisonPage.Write(report, page);
        if (context.Json)
            WriteJson(context, report, page);
        else
            WriteText(context, report, page);
    }

    private static void WriteText(CommandContext context, ComparisonReport report, string page)
    {
        context.Output.WriteLine($"{"task",-24} {"length",7}  {"policy",-32} {"density",7}  {"score",-26} {"KV bytes",13} {"tokens/s",9}");
        foreach (EvaluationMetrics row in report.Rows)
        {
            string score = row.Perplexity is double perplexity
                ? string.Create(CultureInfo.InvariantCulture, $"perplexity {perplexity:F4}")
                : row.Accuracy is double accuracy
                    ? string.Create(CultureInfo.InvariantCulture, $"{accuracy,6:P1} [{row.Low:P1}, {row.High:P1}]")
                    : "";
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{row.TaskName,-24} {row.Length,7}  {row.PolicySetting,-32} {row.Density,7:F3}  {score,-26} {row.KvBytes,13:N0} {row.TokensPerSecond,9:F0}"));
        }

        foreach (Leaderboard board in report.Boards)
            WriteBoard(context, board);
        if (report.Effective.Count > 0)
            context.Output.WriteLine();
        foreach (EffectiveLength effective in report.Effective)
        {
            string length = effective.Tokens is int tokens ? $"{tokens} tokens" : $"below {effective.ShortestMeasured} tokens";
            context.Output.WriteLine($"effective context ({effective.Task}) {effective.PolicySetting}: {length} of {effective.LongestMeasured} measured");
        }

        context.Note($"the page is {page}");
    }

    private static void WriteBoard(CommandContext context, Leaderboard board)
    {
        string tasks = board.Tasks.Count == 1 ? board.Tasks[0] : $"mean of {board.Tasks.Count} tasks";
        string length = board.Length is int tokens ? $"{tokens} tokens" : "all lengths";
        context.Output.WriteLine();
        context.Output.WriteLine($"{board.Model}, question {board.Question}, {length}: {tasks}");
        context.Output.WriteLine($"{"score",-24} {"density",8} {"stored",8} {"peak",8} {"reading",8} {"writing",8}  policy");
        foreach (LeaderboardEntry entry in board.Entries)
        {
            string score = entry.Mean is not double mean ? "not all tasks"
                : entry.Low is null ? string.Create(CultureInfo.InvariantCulture, $"{mean,6:P1} (published)")
                : string.Create(CultureInfo.InvariantCulture, $"{mean,6:P1} [{entry.Low:P1}, {entry.High:P1}]");
            context.Output.WriteLine(
                $"{score,-24} {Share(entry.Density),8} {Share(entry.StoredShare),8} {Share(entry.PeakShare),8} {Times(entry.PromptSpeed),8} {Times(entry.AnswerSpeed),8}  "
                + $"{entry.PolicySetting}{(entry.PromptReadings > 1 ? " (prompt read twice)" : "")}");
        }

        static string Share(double? value) => value is double share ? share.ToString("P1", CultureInfo.InvariantCulture) : "-";
        static string Times(double? value) => value is double times ? times.ToString("0.00x", CultureInfo.InvariantCulture) : "-";
    }

    private static void WriteEntry(Utf8JsonWriter writer, LeaderboardEntry entry)
    {
        writer.WriteString("policy", entry.Policy);
        writer.WriteString("setting", entry.PolicySetting);
        if (entry.Source is not null)
            writer.WriteString("source", entry.Source);
        foreach ((string name, double? value) in ((string, double?)[])[
            ("mean", entry.Mean), ("low", entry.Low), ("high", entry.High), ("density", entry.Density), ("storedShare", entry.StoredShare),
            ("peakShare", entry.PeakShare), ("promptSpeed", entry.PromptSpeed), ("answerSpeed", entry.AnswerSpeed)])
        {
            if (value is double number)
                writer.WriteNumber(name, number);
        }

        writer.WriteNumber("promptReadings", entry.PromptReadings);
        writer.WriteStartArray("tasks");
        foreach (double? accuracy in entry.Tasks)
        {
            if (accuracy is double number)
                writer.WriteNumberValue(number);
            else
                writer.WriteNullValue();
        }

        writer.WriteEndArray();
    }

    private static void WriteJson(CommandContext context, ComparisonReport report, string page) => context.WriteJson(writer =>
    {
        writer.WriteString("page", page);
        writer.WriteObjects("results", report.Rows, EvalCommand.WriteMembers);
        writer.WriteObjects("boards", report.Boards, static (writer, board) =>
        {
            writer.WriteString("model", board.Model);
            writer.WriteString("question", board.Question);
            if (board.Length is int length)
                writer.WriteNumber("length", length);
            else
                writer.WriteNull("length");
            writer.WriteStartArray("tasks");
            foreach (string task in board.Tasks)
                writer.WriteStringValue(task);
            writer.WriteEndArray();
            writer.WriteObjects("entries", board.Entries, WriteEntry);
        });
        writer.WriteObjects("effective", report.Effective, static (writer, entry) =>
        {
            writer.WriteString("task", entry.Task);
            writer.WriteString("setting", entry.PolicySetting);
            if (entry.Tokens is int tokens)
                writer.WriteNumber("tokens", tokens);
            else
                writer.WriteNull("tokens");
            writer.WriteNumber("longestMeasured", entry.LongestMeasured);
        });
    });
}
