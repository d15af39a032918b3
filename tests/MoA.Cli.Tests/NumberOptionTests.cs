using System.CommandLine;
using System.Globalization;

namespace MoA.Tests;

/// <summary>No number of a command line is taken for another one, whatever the culture.</summary>
public sealed class NumberOptionTests
{
    private static readonly string[] NoNumbers =
    [
        "0,7", "1,024", "1.024,5", "1 024", "1\u00A0024", "+5", " 5", "5 ", "\uFF15", "0x10", "NaN", "Infinity", "-Infinity", "1e999", "007",
    ];

    [Fact]
    public void Every_option_of_a_number_refuses_what_is_none_as_it_was_given()
    {
        int options = 0;
        InCommaCulture(() =>
        {
            foreach ((string[] path, Command command, Option option) in CommandTree.Options)
            {
                bool whole = option is Option<int?> or Option<ulong?>;
                if (!whole && option is not Option<double?>)
                    continue;
                options++;
                foreach (string text in whole ? [.. NoNumbers, "1e3", "1.0", "0.5"] : NoNumbers)
                {
                    string? problem = CommandTree.ProblemOf([.. CommandTree.LineWithout(path, command, option), option.Name, text]);
                    Assert.StartsWith($"{option.Name} {text}: expected a ", problem, StringComparison.Ordinal);
                }
            }
        });
        Assert.True(options > 20, $"{options} options");
    }

    [Theory]
    [InlineData("compress --density 0,5", "--density 0,5", "such as 0.5")]
    [InlineData("compress --density NaN", "--density NaN")]
    [InlineData("compress --density-at 512=0,6", "--density-at 512=0,6")]
    [InlineData("compress --density-at 512=0.6;1024=0.4", "--density-at 512=0.6;1024=0.4")]
    [InlineData("compress --density-at 1,024=0.6", "--density-at 1,024=0.6")]
    [InlineData("compress --lengths 1,024", "--lengths 1,024", "'1' is no length")]
    [InlineData("compress --lengths 131,072", "--lengths 131,072", "'072' is no length")]
    [InlineData("compress --lengths 512,", "--lengths 512,", "'' is no length")]
    [InlineData("compress --lengths 512,1e3", "'1e3' is no length")]
    [InlineData("compress --lengths +512", "'+512' is no length")]
    [InlineData("compress --lengths \uFF15\uFF11\uFF12", "is no length")]
    [InlineData("compress --max-rules-per-layer +2", "--max-rules-per-layer +2")]
    [InlineData("compress --memory-limit 1,5GiB", "--memory-limit 1,5GiB")]
    [InlineData("compress --memory-limit 1e-12GiB", "--memory-limit 1e-12GiB")]
    [InlineData("compress --memory-limit NaNGiB", "--memory-limit NaNGiB")]
    [InlineData("bench --batch 1,024", "--batch 1,024", "'024' is no batch")]
    [InlineData("bench --batch 2.0", "'2.0' is no batch")]
    [InlineData("eval retrieval --policy streaming-llm --densities 0,25", "--densities 0,25", "'0' is no density")]
    [InlineData("generate hi --policy h2o:density=0,5", "--policy h2o:density=0,5")]
    [InlineData("generate hi --policy h2o:span=1,024", "--policy h2o:span=1,024")]
    [InlineData("generate hi --policy h2o:density=NaN", "--policy h2o:density=NaN")]
    [InlineData("generate hi --policy h2o:density=+0.5", "--policy h2o:density=+0.5")]
    [InlineData("generate hi --policy snapkv:density=0.5,window=0x20", "0x20", "whole number")]
    [InlineData("generate hi --policy snapkv:density=0.5,window=1e1", "1e1", "whole number")]
    [InlineData("model random --out x.gguf --shape hidden=1,024,layers=2,heads=2", "hidden=1,024")]
    [InlineData("model random --out x.gguf --shape hidden=+64,layers=2,heads=2", "hidden=+64")]
    public void Numbers_in_lists_and_settings(string line, params string[] words) => InCommaCulture(() =>
    {
        using TemporaryFolder folder = new();
        string[] args = line.Split(' ');
        Invocation.Of(args[0] == "compress" ? [.. args, "--out", folder["out"]] : args).AssertRefused(words);
        Assert.Empty(folder.Names());
    });

    [Fact]
    public void A_point_is_a_point_in_every_culture() => InCommaCulture(() =>
    {
        string[] line = ["generate", "The key of alpha is", "--template", "off", "-n", "4", "--seed", "3", "--top-p", "0.9"];
        string expected = Invocation.Json([.. line, "--temperature", "0.7"]).GetProperty("text").GetString()!;
        Assert.Equal(expected, Invocation.Json([.. line, "--temperature", "7e-1"]).GetProperty("text").GetString());
    });

    private static void InCommaCulture(Action test)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        culture.NumberFormat.NumberDecimalSeparator = ",";
        culture.NumberFormat.NumberGroupSeparator = ".";
        CultureInfo.CurrentCulture = culture;
        try
        {
            test();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
