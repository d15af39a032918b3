using System.CommandLine;
using System.Globalization;
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
        : base("compare", "Puts results side by side: a table here, and one page with accuracy against density, lengths, depths, memory and speed.", streams)
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
            string task = row.Dataset is null ? row.Task : $"{row.Task} {row.Dataset}";
            string score = row.Perplexity is double perplexity
                ? string.Create(CultureInfo.InvariantCulture, $"perplexity {perplexity:F4}")
                : row.Accuracy is double accuracy
                    ? string.Create(CultureInfo.InvariantCulture, $"{accuracy,6:P1} [{row.Low:P1}, {row.High:P1}]")
                    : "";
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{task,-24} {row.Length,7}  {row.PolicySetting,-32} {row.Density,7:F3}  {score,-26} {row.KvBytes,13:N0} {row.TokensPerSecond,9:F0}"));
        }

        foreach (EffectiveLength effective in report.Effective)
        {
            string length = effective.Tokens is int tokens ? $"{tokens} tokens" : $"below {effective.ShortestMeasured} tokens";
            context.Output.WriteLine($"effective context ({effective.Task}) {effective.PolicySetting}: {length} of {effective.LongestMeasured} measured");
        }

        context.Note($"the page is {page}");
    }

    private static void WriteJson(CommandContext context, ComparisonReport report, string page) => context.WriteJson(writer =>
    {
        writer.WriteString("page", page);
        writer.WriteObjects("policies", report.Rows, EvalCommand.WriteMembers);
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
