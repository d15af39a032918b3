using MoA.Engine.Tokenization.Normalizing;

namespace MoA.Engine.Tests.Tokenization;

public class NormalizerTests
{
    /// <summary>The examples of Unicode Standard Annex 15 (figures 3 to 6) and of the Hangul rule.</summary>
    [Theory]
    [InlineData("\u212B", "\u00C5", "A\u030A", "\u00C5", "A\u030A")] // Angstrom sign
    [InlineData("\u2126", "\u03A9", "\u03A9", "\u03A9", "\u03A9")] // Ohm sign
    [InlineData("\u1E9B\u0323", "\u1E9B\u0323", "\u017F\u0323\u0307", "\u1E69", "s\u0323\u0307")]
    [InlineData("\u1E0B\u0323", "\u1E0D\u0307", "d\u0323\u0307", "\u1E0D\u0307", "d\u0323\u0307")] // marks in another order
    [InlineData("\uFB01", "\uFB01", "\uFB01", "fi", "fi")]
    [InlineData("2\u2075", "2\u2075", "2\u2075", "25", "25")]
    [InlineData("\uD55C", "\uD55C", "\u1112\u1161\u11AB", "\uD55C", "\u1112\u1161\u11AB")]
    [InlineData("\u1112\u1161\u11AB", "\uD55C", "\u1112\u1161\u11AB", "\uD55C", "\u1112\u1161\u11AB")]
    [InlineData("\u0958", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C")] // excluded from composition
    [InlineData("\U0001D15E", "\U0001D157\U0001D165", "\U0001D157\U0001D165", "\U0001D157\U0001D165", "\U0001D157\U0001D165")]
    [InlineData("\U000110A5\U000110BA", "\U000110AB", "\U000110A5\U000110BA", "\U000110AB", "\U000110A5\U000110BA")]
    [InlineData("plain", "plain", "plain", "plain", "plain")]
    public void Normal_forms_are_those_of_the_standard(string text, string nfc, string nfd, string nfkc, string nfkd)
    {
        Assert.Equal(nfc, new UnicodeNormalizer(compatibility: false, composes: true).Normalize(text, false));
        Assert.Equal(nfd, new UnicodeNormalizer(compatibility: false, composes: false).Normalize(text, false));
        Assert.Equal(nfkc, new UnicodeNormalizer(compatibility: true, composes: true).Normalize(text, false));
        Assert.Equal(nfkd, new UnicodeNormalizer(compatibility: true, composes: false).Normalize(text, false));
    }

    [Fact]
    public void Steps_rewrite_text_in_their_order()
    {
        var steps = new SequenceNormalizer(
        [
            new StripNormalizer(left: true, right: true),
            new LowercaseNormalizer(),
            new ReplaceTextNormalizer(" ", "_"),
            new ReplaceNormalizer(new("[0-9]+"), "#"),
            new PrependNormalizer(">"),
        ]);
        Assert.Equal(">a_i\u0307_#_\U00010428", steps.Normalize("  A \u0130 42 \U00010400 ", continues: false));
        Assert.Equal("a", new PrependNormalizer(">").Normalize("a", continues: true));
        Assert.Equal("", new PrependNormalizer(">").Normalize("", continues: false));
    }
}
