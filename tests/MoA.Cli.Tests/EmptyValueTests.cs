using System.CommandLine;

namespace MoA.Tests;

/// <summary>What a shell leaves of a variable that is not set is refused in one line.</summary>
public sealed class EmptyValueTests
{
    [Fact]
    public void Every_option_refuses_an_empty_value_that_is_no_text()
    {
        int options = 0;
        foreach ((string[] path, Command command, Option option) in CommandTree.Options)
        {
            if (option.ValueType == typeof(bool) || option.Arity.MaximumNumberOfValues == 0)
                continue;
            string[] line = CommandTree.LineWithout(path, command, option);
            AssertProblem($"{option.Name}= is empty: expected a value right after it", [.. line, $"{option.Name}=", "next"]);
            AssertProblem($"{option.Name}: is empty: expected a value right after it", [.. line, $"{option.Name}:"]);
            if (option.HelpName == "TEXT")
                continue;
            options++;
            foreach (string empty in new[] { "", " ", "\t" })
                AssertProblem($"{option.Name} is empty: expected ", [.. line, option.Name, empty]);
        }

        Assert.True(options > 40, $"{options} options");

        static void AssertProblem(string start, string[] args) => Assert.StartsWith(start, CommandTree.ProblemOf(args), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plan", "show", "")]
    [InlineData("plan", "convert", "", "b.json")]
    [InlineData("plan", "convert", "a.json", "")]
    [InlineData("eval", "compare", "")]
    [InlineData("eval", "compare", "a", " ")]
    [InlineData("generate", "")]
    [InlineData("generate", "hi", "--plan", "")]
    [InlineData("model", "info", "--model", "")]
    [InlineData("compress", "--out", "")]
    [InlineData("score", "--data", "")]
    public void Arguments_and_options_are_not_empty(params string[] line) => Invocation.Of(line).AssertRefused("is empty: expected ");

    [Fact]
    public void A_text_may_be_empty() => Assert.Equal(0, Invocation.Of("model", "tokenize", "").ExitCode);

    [Fact]
    public void Words_after_two_dashes_are_as_they_stand() =>
        Assert.Equal(0, Invocation.Of("model", "tokenize", "--", "--data=").ExitCode);
}
