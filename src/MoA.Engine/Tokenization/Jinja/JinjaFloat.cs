using System.Globalization;
using System.Numerics;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Floating-point numbers as text in Python's manner: shortest, or rounded half to even on the exact value.</summary>
internal static class JinjaFloat
{
    private const int MantissaBits = 52;

    /// <summary>The shortest text that reads back as the number.</summary>
    public static string Print(double number, bool keepsPoint = false)
    {
        if (!double.IsFinite(number))
            return double.IsNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
        string[] shortest = Math.Abs(number).ToString("R", CultureInfo.InvariantCulture).Split('E');
        string mantissa = shortest[0].Contains('.') ? shortest[0] : shortest[0] + ".";
        string significant = mantissa.Replace(".", "", StringComparison.Ordinal).TrimStart('0');
        int exponent = number == 0 ? 0 : (shortest.Length > 1 ? ReadExponent(shortest[1]) : 0)
            + mantissa.IndexOf('.') - 1 - (mantissa.Length - 1 - significant.Length);
        string digits = significant.TrimEnd('0');
        string sign = double.IsNegative(number) ? "-" : "";
        return sign + (exponent is >= -4 and < 16 ? Plain(digits, exponent, keepsPoint: true) : Scientific(digits, exponent, keepsPoint));
    }

    /// <summary>Fixed notation with a number of digits behind the point.</summary>
    public static string Fixed(double number, int places, bool keepsPoint = false)
    {
        string digits = Rounded(Math.Abs(number), places).ToString(CultureInfo.InvariantCulture).PadLeft(places + 1, '0');
        string text = places > 0 ? $"{digits[..^places]}.{digits[^places..]}" : keepsPoint ? digits + "." : digits;
        return (double.IsNegative(number) ? "-" : "") + text;
    }

    /// <summary>Scientific notation with a number of digits behind the point.</summary>
    public static string Exponential(double number, int places, bool keepsPoint = false)
    {
        (string digits, int exponent) = Significant(Math.Abs(number), places + 1);
        string mantissa = places > 0 ? $"{digits[0]}.{digits[1..]}" : keepsPoint ? digits + "." : digits;
        return (double.IsNegative(number) ? "-" : "") + mantissa + Exponent(exponent);
    }

    /// <summary>The format <c>g</c>: a number of significant digits, without trailing zeros unless these are kept.</summary>
    public static string General(double number, int precision, bool keepsZeros = false)
    {
        precision = Math.Max(1, precision);
        (string digits, int exponent) = Significant(Math.Abs(number), precision);
        if (!keepsZeros)
            digits = digits.TrimEnd('0');
        string text = exponent >= -4 && exponent < precision
            ? Plain(digits, exponent, keepsPoint: false)
            : Scientific(digits, exponent, keepsZeros);
        if (keepsZeros && !text.Contains('.'))
            text += ".";
        return (double.IsNegative(number) ? "-" : "") + text;
    }

    /// <summary>The format of no letter with a precision: as <c>g</c>, with a digit behind the point at least.</summary>
    public static string GeneralWithPoint(double number, int precision, bool keepsZeros)
    {
        precision = Math.Max(1, precision);
        (string digits, int exponent) = Significant(Math.Abs(number), precision);
        if (!keepsZeros)
            digits = digits.TrimEnd('0');
        string text = exponent >= -4 && exponent < precision - 1
            ? Plain(digits, exponent, keepsPoint: true)
            : Scientific(digits, exponent, keepsZeros);
        return (double.IsNegative(number) ? "-" : "") + text;
    }

    /// <summary>Python's <c>round</c>: half to even, on the exact value, at a decimal place.</summary>
    public static double Round(double number, int places)
    {
        if (!double.IsFinite(number) || places > 400)
            return number;
        if (places < -400)
            return 0.0 * number;
        string digits = $"{(double.IsNegative(number) ? "-" : "")}{Rounded(Math.Abs(number), places)}E{-places}";
        return double.Parse(digits, NumberStyles.Float, CultureInfo.InvariantCulture);
    }

    private static string Plain(string digits, int exponent, bool keepsPoint)
    {
        if (digits.Length == 0)
            digits = "0";
        if (exponent < 0)
            return "0." + new string('0', -exponent - 1) + digits;
        if (digits.Length <= exponent + 1)
            return digits + new string('0', exponent + 1 - digits.Length) + (keepsPoint ? ".0" : "");
        return $"{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
    }

    private static string Scientific(string digits, int exponent, bool keepsPoint = false)
    {
        string mantissa = digits.Length == 1 && keepsPoint ? digits + "." : digits.Length > 1 ? $"{digits[0]}.{digits[1..]}" : digits.Length == 1 ? digits : "0";
        return mantissa + Exponent(exponent);
    }

    private static string Exponent(int exponent) =>
        string.Create(CultureInfo.InvariantCulture, $"e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");

    // So many significant digits, rounded, and the exponent of the first.
    private static (string Digits, int Exponent) Significant(double number, int count)
    {
        if (number == 0)
            return (new string('0', count), 0);
        string precise = number.ToString("E30", CultureInfo.InvariantCulture); // more digits than could round up to the next power
        int exponent = ReadExponent(precise[(precise.IndexOf('E') + 1)..]);
        string digits = Rounded(number, count - 1 - exponent).ToString(CultureInfo.InvariantCulture);
        return (digits[..count], exponent + digits.Length - count);
    }

    private static int ReadExponent(string text) => int.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    // number · 10^places as a whole number, half to even.
    private static BigInteger Rounded(double number, int places)
    {
        long bits = BitConverter.DoubleToInt64Bits(number);
        int exponent = (int)(bits >> MantissaBits);
        long mantissa = bits & ((1L << MantissaBits) - 1);
        mantissa = exponent == 0 ? mantissa : mantissa | 1L << MantissaBits;
        exponent = Math.Max(1, exponent) - 1023 - MantissaBits;
        BigInteger numerator = mantissa * BigInteger.Pow(2, Math.Max(0, exponent)) * BigInteger.Pow(10, Math.Max(0, places));
        BigInteger denominator = BigInteger.Pow(2, Math.Max(0, -exponent)) * BigInteger.Pow(10, Math.Max(0, -places));
        BigInteger quotient = BigInteger.DivRem(numerator, denominator, out BigInteger rest);
        int half = (2 * rest).CompareTo(denominator);
        return half > 0 || (half == 0 && !quotient.IsEven) ? quotient + 1 : quotient;
    }
}
