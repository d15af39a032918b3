using System.CommandLine;
using System.Globalization;
using Spectre.Console;

namespace MoA.Benchmarks.Sampling;

/// <summary><c>sampling</c>: time that drawing tokens takes, beside a sort of the whole vocabulary.</summary>
internal sealed class SamplingCommand : Command
{
    private readonly Option<int> _vocabulary = Number("--vocabulary", "Logits of a row", 128256);
    private readonly Option<int> _rows = Number("--rows", "Rows that are drawn side by side, at most 64", 1);
    private readonly Option<int> _rounds = Number("--rounds", "Turns of each way of drawing", 20);
    private readonly Option<int> _threads = Number("--threads", "Threads (default: one for each processor)", Environment.ProcessorCount);

    public SamplingCommand()
        : base("sampling", "Measures the drawing of tokens, in turn with the sort of the whole vocabulary that defines it.")
    {
        Options.Add(_vocabulary);
        Options.Add(_rows);
        Options.Add(_rounds);
        Options.Add(_threads);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        int vocabulary = parsed.GetValue(_vocabulary), rows = parsed.GetValue(_rows);
        if (vocabulary < 1 || rows is < 1 or > 64 || parsed.GetValue(_rounds) < 1 || parsed.GetValue(_threads) < 1)
        {
            Console.Error.WriteLine("expected numbers above 0, and at most 64 --rows");
            return Program.BadArguments;
        }

        using SamplingBenchmark benchmark = new(vocabulary, rows, parsed.GetValue(_threads));
        Table table = new() { Border = TableBorder.Simple };
        table.AddColumns("logits", "draw", "least, ms", "median, ms", "one row sorted, ms", "other tokens");
        foreach (SamplingRow row in benchmark.Run(parsed.GetValue(_rounds)))
        {
            bool isSorted = !double.IsNaN(row.Sorted);
            table.AddRow(
                row.Kind, row.Name, Milliseconds(row.Least), Milliseconds(row.Median), isSorted ? Milliseconds(row.Sorted) : "-",
                isSorted ? row.Differ.ToString(CultureInfo.InvariantCulture) : "-");
        }

        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = 160; // a file has no margin to wrap at
        AnsiConsole.Write(table);
        return 0;
    }

    private static string Milliseconds(double seconds) => (seconds * 1000).ToString("F3", CultureInfo.InvariantCulture);

    private static Option<int> Number(string name, string description, int value) =>
        new(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value };
}
