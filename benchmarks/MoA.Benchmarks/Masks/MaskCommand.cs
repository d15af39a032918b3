using System.CommandLine;
using System.Globalization;
using MoA.Engine;
using MoA.Engine.Tokenization;
using Spectre.Console;

namespace MoA.Benchmarks.Masks;

/// <summary><c>masks</c>: time that keeping to a JSON schema takes.</summary>
internal sealed class MaskCommand : Command
{
    private readonly Option<string> _tokenizer = new("--tokenizer")
    {
        Description = "A model, or a tokenizer's file",
        HelpName = "PATH",
        DefaultValueFactory = _ => Path.Combine("models", "demo"),
    };

    private readonly Option<int> _vocabulary = new("--vocabulary")
    {
        Description = "Tokens; those that the tokenizer lacks are made by joining two of its own",
        HelpName = "N",
        DefaultValueFactory = _ => 128256,
    };

    private readonly Option<int> _rounds = new("--rounds") { Description = "Later answers", HelpName = "N", DefaultValueFactory = _ => 50 };

    public MaskCommand()
        : base("masks", "Measures what masks cost that let a model write JSON of a schema only.")
    {
        Options.Add(_tokenizer);
        Options.Add(_vocabulary);
        Options.Add(_rounds);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        try
        {
            MaskBenchmark benchmark = new(Tokenizer.Load(parsed.GetValue(_tokenizer)!), parsed.GetValue(_vocabulary));
            Table table = new() { Border = TableBorder.Simple };
            table.AddColumns("schema", "tokens", "trie, ms", "compile, ms", "first, ms", "most, ms", "again, ms", "99 of 100, ms");
            foreach (MaskRow row in benchmark.Run(Math.Max(1, parsed.GetValue(_rounds))))
            {
                table.AddRow(
                    row.Name, row.Tokens.ToString(CultureInfo.InvariantCulture), Milliseconds(row.TrieSeconds), Milliseconds(row.CompileSeconds),
                    Milliseconds(row.First), Milliseconds(row.FirstMost), Milliseconds(row.Again), Milliseconds(row.AgainMost));
            }

            if (Console.IsOutputRedirected)
                AnsiConsole.Profile.Width = 160; // a file has no margin to wrap at
            Console.WriteLine($"{benchmark.Tokens} tokens");
            AnsiConsole.Write(table);
            return 0;
        }
        catch (InvalidInputException e)
        {
            Console.Error.WriteLine(e.Message);
            return Program.BadArguments;
        }
    }

    private static string Milliseconds(double seconds) => (seconds * 1000).ToString("F3", CultureInfo.InvariantCulture);
}
