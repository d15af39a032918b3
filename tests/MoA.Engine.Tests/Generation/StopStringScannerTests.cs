using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Generation;
using MoA.Tests;

namespace MoA.Engine.Tests.Generation;

public sealed class StopStringScannerTests
{
    [Theory]
    [InlineData("one two|three", "two", "one ", true)]
    [InlineData("one t|w|o three", "two", "one ", true)]
    [InlineData("one t|wice", "two", "one twice", false)]
    [InlineData("one tw", "two", "one tw", false)]
    [InlineData("aaab", "aab", "a", true)]
    [InlineData("a|a|a|b", "aab", "a", true)]
    [InlineData("stop", "stop", "", true)]
    [InlineData("any", "", "any", false)]
    public void Text_ends_before_the_stop_string(string pieces, string stop, string expected, bool stopped)
    {
        StopStringScanner scanner = new([stop]);
        string shown = string.Concat(pieces.Split('|').Select(scanner.Push)) + scanner.Flush();
        Assert.Equal((expected, stopped), (shown, scanner.Stopped));
        Assert.Equal("", scanner.Flush());
    }

    /// <summary>The definition, character by character: the text ends as soon as it ends with a stop string.</summary>
    [Fact]
    public void How_the_text_is_cut_makes_no_difference()
    {
        Gen<string> TextOf(int least, int most) =>
            from length in Gen.Choose(least, most)
            from letters in Gen.Elements('a', 'b', 'c').ArrayOf(length)
            select new string(letters);
        Gen<(string[] Stops, string[] Pieces)> cases =
            from stops in TextOf(1, 4).ArrayOf(3)
            from count in Gen.Choose(1, 3)
            from pieces in TextOf(0, 5).ArrayOf(8)
            select (stops[..count], pieces);
        Prop.ForAll(cases.ToArbitrary(), test =>
        {
            string text = string.Concat(test.Pieces);
            int end = Enumerable.Range(1, text.Length).FirstOrDefault(e => test.Stops.Any(stop => text[..e].EndsWith(stop, StringComparison.Ordinal)));
            int stopLength = test.Stops.Where(stop => text[..end].EndsWith(stop, StringComparison.Ordinal)).Select(stop => stop.Length).DefaultIfEmpty().Max();
            string expected = end == 0 ? text : text[..(end - stopLength)];

            StopStringScanner scanner = new(test.Stops);
            string shown = "";
            int seen = 0;
            foreach (string piece in test.Pieces)
            {
                shown += scanner.Push(piece);
                seen += piece.Length;
                Assert.StartsWith(shown, expected, StringComparison.Ordinal);
                // Nothing is held back longer than a stop string could need.
                Assert.True(scanner.Stopped || shown.Length >= seen - test.Stops.Max(stop => stop.Length - 1));
            }

            Assert.Equal(expected, shown + scanner.Flush());
            Assert.Equal(end > 0, scanner.Stopped);
        }).Holds(2000);
    }
}
