using System.Globalization;
using MoA.Engine;

namespace MoA.Tests;

/// <summary>Numbers are those of JSON's grammar, in any culture.</summary>
public sealed class NumberTextTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("7", 7)]
    [InlineData("-12", -12)]
    [InlineData("2147483647", int.MaxValue)]
    [InlineData("-2147483648", int.MinValue)]
    public void Whole_numbers(string text, int expected)
    {
        using CommaCulture culture = new();
        Assert.True(NumberText.TryWhole(text, out int value));
        Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("0", 0.0)]
    [InlineData("-0", 0.0)]
    [InlineData("0.7", 0.7)]
    [InlineData(".5", 0.5)]
    [InlineData("-.5", -0.5)]
    [InlineData("15", 15.0)]
    [InlineData("1.500", 1.5)]
    [InlineData("1e-3", 0.001)]
    [InlineData("2.5E+2", 250.0)]
    [InlineData("5E-05", 0.00005)]
    [InlineData("0e9", 0.0)]
    [InlineData("1.7976931348623157e308", double.MaxValue)]
    [InlineData("5e-324", double.Epsilon)]
    public void Decimal_numbers(string text, double expected)
    {
        using CommaCulture culture = new();
        Assert.True(NumberText.TryDecimal(text, out double value));
        Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("0,7")]
    [InlineData("1,024")]
    [InlineData("1.024,5")]
    [InlineData("1'024")]
    [InlineData("1_024")]
    [InlineData("1 024")]
    [InlineData("1\u00A0024")]
    [InlineData("1\u202F024")]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData(" 5")]
    [InlineData("5 ")]
    [InlineData("5\n")]
    [InlineData("5\0")]
    [InlineData("+5")]
    [InlineData("--5")]
    [InlineData("5-")]
    [InlineData("(5)")]
    [InlineData("\u22125")]
    [InlineData("\uFF11\uFF12")]
    [InlineData("\u0661")]
    [InlineData("007")]
    [InlineData("00")]
    [InlineData("0x10")]
    [InlineData("1F")]
    [InlineData("5%")]
    [InlineData("$5")]
    [InlineData("NaN")]
    [InlineData("nan")]
    [InlineData("Infinity")]
    [InlineData("-Infinity")]
    [InlineData("\u221E")]
    [InlineData("inf")]
    [InlineData("5.")]
    [InlineData(".")]
    [InlineData("1.2.3")]
    [InlineData("e5")]
    [InlineData("1e")]
    [InlineData("1e0.5")]
    [InlineData("1e999")]
    [InlineData("1e-999")]
    [InlineData("half")]
    public void What_is_no_number(string text)
    {
        using CommaCulture culture = new();
        Assert.False(NumberText.TryDecimal(text, out _));
        Assert.False(NumberText.TryWhole(text, out int _));
        Assert.False(NumberText.TryWhole(text, out ulong _));
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("1e3")]
    [InlineData("2147483648")]
    public void What_is_no_whole_number_of_32_bits(string text) => Assert.False(NumberText.TryWhole(text, out int _));

    [Fact]
    public void A_whole_number_without_a_sign_is_not_negative() => Assert.False(NumberText.TryWhole("-1", out ulong _));

    /// <summary>Writes numbers as in much of the world: 1.024,5 with a minus sign of its own.</summary>
    private sealed class CommaCulture : IDisposable
    {
        private readonly CultureInfo _before = CultureInfo.CurrentCulture;

        public CommaCulture()
        {
            CultureInfo culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            culture.NumberFormat.NumberDecimalSeparator = ",";
            culture.NumberFormat.NumberGroupSeparator = ".";
            culture.NumberFormat.NegativeSign = "\u2212";
            CultureInfo.CurrentCulture = culture;
        }

        public void Dispose() => CultureInfo.CurrentCulture = _before;
    }
}
