using MoA.Engine;
using MoA.Engine.Tokenization.Patterns;

namespace MoA.Engine.Tests.Tokenization;

public class PatternTests
{
    /// <summary>The pre-tokenizer pattern of Llama 3, as its tokenizer.json writes it.</summary>
    internal const string Llama3 =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    [Theory]
    [InlineData("Hello, y'all! WE'VE", new[] { "Hello", ",", " y", "'all", "!", " WE", "'VE" })]
    [InlineData("1234567 é", new[] { "123", "456", "7", " é" })]
    [InlineData("a  b   c", new[] { "a", " ", " b", "  ", " c" })]
    [InlineData("x \n\n  y", new[] { "x", " \n\n", " ", " y" })]
    [InlineData("end.\n\nnext   ", new[] { "end", ".\n\n", "next", "   " })]
    [InlineData("\tx", new[] { "\tx" })]
    [InlineData("🚀🚀 go", new[] { "🚀🚀", " go" })] // symbols above U+FFFF: neither letters nor numbers
    [InlineData("🚀x", new[] { "🚀x" })] // one symbol may lead a word
    [InlineData("𝒜𝒷c", new[] { "𝒜𝒷c" })] // mathematical letters above U+FFFF
    [InlineData("𠀀𠀁!", new[] { "𠀀𠀁", "!" })] // Han above U+FFFF
    [InlineData("𝟙𝟚𝟛𝟜", new[] { "𝟙𝟚𝟛", "𝟜" })] // digits above U+FFFF count one each
    [InlineData("don'ſ", new[] { "don", "'ſ" })] // the long s is an s when case is ignored
    [InlineData("a\u00A0b\u200Bc", new[] { "a", "\u00A0b", "\u200Bc" })]
    [InlineData("x\u0085\u3000y", new[] { "x", "\u0085", "\u3000y" })] // both are white space
    [InlineData("x\u200B\u180E", new[] { "x", "\u200B\u180E" })] // neither is
    public void Llama_3_splits_hand_worked_texts(string text, string[] expected)
    {
        Assert.Equal(expected, Split(Llama3, text));
    }

    [Theory]
    [InlineData("a++b", "aaab ab", new[] { "aaab", "ab" })]
    [InlineData("a++ab", "aaab", new string[0])] // possessive: gives nothing back
    [InlineData("(?>a|ab)c", "abc ac", new[] { "ac" })]
    [InlineData("a{2}", "aaaaa", new[] { "aa", "aa" })]
    [InlineData("a{2,3}?", "aaaaa", new[] { "aa", "aa" })]
    [InlineData("(?:ab){1,2}", "ababab", new[] { "abab", "ab" })]
    [InlineData("(?:a|bc)+?c", "abcc", new[] { "abcc" })]
    [InlineData("x.*?y", "x1y2y", new[] { "x1y" })]
    [InlineData("(?<!a)b", "ab bb", new[] { "b", "b" })]
    [InlineData("(?<=a)b", "ab bb", new[] { "b" })]
    [InlineData("^a|b$", "a\nab\nb", new[] { "a", "a", "b", "b" })]
    [InlineData(@"\Aa|a\z", "aba", new[] { "a", "a" })]
    [InlineData(@"\ba", "a aa", new[] { "a", "a" })]
    [InlineData(@"[a-c&&[^b]]+", "abcab", new[] { "a", "ca" })]
    [InlineData(@"[^\P{Lu}A]", "ABc", new[] { "B" })]
    [InlineData(@"[\]\-x]", "a]-x", new[] { "]", "-", "x" })]
    [InlineData(@"[]a]", "]a", new[] { "]", "a" })]
    [InlineData(@"\x41\u0042\x{1F680}", "AB🚀", new[] { "AB🚀" })]
    [InlineData(@"[\x{1F300}-\x{1F6FF}]", "a🚀", new[] { "🚀" })]
    [InlineData(@"(?i:straSSe|K)", "STRASSE \u212A", new[] { "STRASSE", "\u212A" })]
    [InlineData(@"(?i)a(?-i)b", "AbAB", new[] { "Ab" })]
    [InlineData("a{,2}b", "aaab", new[] { "aab" })]
    [InlineData("a{x", "a{x", new[] { "a{x" })]
    [InlineData("a|", "ba", new[] { "", "a" })] // no empty match directly after another match
    public void Matches_what_the_syntax_means(string pattern, string text, string[] expected)
    {
        Assert.Equal(expected, Split(pattern, text));
    }

    [Theory]
    [InlineData("(a", "a group that is not closed")]
    [InlineData("a)", "an unmatched ')'")]
    [InlineData("[a", "a class or escape that is not closed")]
    [InlineData("*a", "a '*' with nothing before it")]
    [InlineData(@"\p{Klingon}", "the property 'Klingon'")]
    [InlineData(@"\k<a>", @"the escape '\k'")]
    [InlineData("(?<n>a)", "the group '(?<n'")]
    [InlineData("(a*)*", "a repeated part that can match nothing")]
    [InlineData("[b-a]", "a range whose end is not after its start")]
    [InlineData("a{2000}", "the bound 2000")]
    [InlineData("a\\", "a class or escape that is not closed")]
    [InlineData("(?<=ab)c", "a look-behind over more than one character")]
    public void Refuses_what_it_does_not_know_by_name(string pattern, string named)
    {
        string message = Assert.Throws<InvalidInputException>(() => new Pattern(pattern)).Message;
        Assert.Contains(named, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_deep_and_large_patterns()
    {
        Assert.Throws<InvalidInputException>(() => new Pattern(new string('(', 100_000)));
        Assert.Throws<InvalidInputException>(() => new Pattern(new string('[', 100_000)));
        Assert.Throws<InvalidInputException>(() => new Pattern("(?:(?:(?:ab){900}){900}){900}"));
    }

    [Fact]
    public void Gives_up_on_a_pattern_that_backtracks_without_end()
    {
        string message = Assert.Throws<InvalidInputException>(() => new Pattern("(?:a+)+b").Matches(new string('a', 100))).Message;
        Assert.Contains("too many steps", message, StringComparison.Ordinal);
    }

    private static string[] Split(string pattern, string text) =>
        [.. new Pattern(pattern).Matches(text).Select(match => text[match.Start..match.End])];
}
