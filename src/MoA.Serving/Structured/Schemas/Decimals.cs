using System.Globalization;
using System.Numerics;

namespace MoA.Serving.Structured.Schemas;

/// <summary>A decimal number, exactly.</summary>
/// <param name="Digits">The number without its point.</param>
/// <param name="Places">Digits behind the point, the last of them not 0.</param>
internal readonly record struct Decimals(BigInteger Digits, int Places) : IComparable<Decimals>
{
    /// <summary>Most digits before the point, and behind it.</summary>
    public const int MostDigits = 30;

    /// <summary>Whether it is whole.</summary>
    public bool IsWhole => Places == 0;

    /// <summary>The largest whole number that is not above it.</summary>
    public BigInteger Floor
    {
        get
        {
            BigInteger quotient = BigInteger.DivRem(Digits, BigInteger.Pow(10, Places), out BigInteger rest);
            return rest.Sign < 0 ? quotient - 1 : quotient;
        }
    }

    /// <summary>The smallest whole number that is not below it.</summary>
    public BigInteger Ceiling => -(-this).Floor;

    public static Decimals operator -(Decimals number) => number with { Digits = -number.Digits };

    /// <summary>The digits behind the point of a number that is not negative.</summary>
    public string Fraction => Places == 0
        ? ""
        : (Digits - (Floor * BigInteger.Pow(10, Places))).ToString(CultureInfo.InvariantCulture).PadLeft(Places, '0');

    public int CompareTo(Decimals other)
    {
        int places = Math.Max(Places, other.Places);
        return (Digits * BigInteger.Pow(10, places - Places)).CompareTo(other.Digits * BigInteger.Pow(10, places - other.Places));
    }

    /// <summary>Reads a number of JSON.</summary>
    public static bool TryParse(string json, out Decimals number)
    {
        number = default;
        string[] parts = json.Split('e', 'E');
        int exponent = 0;
        if (parts.Length == 2 && !int.TryParse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent))
            return false;
        int point = parts[0].IndexOf('.', StringComparison.Ordinal);
        string digits = point < 0 ? parts[0] : parts[0].Remove(point, 1);
        if (digits.Length > 4 * MostDigits || Math.Abs((long)exponent) > 4 * MostDigits)
            return false;
        int places = (point < 0 ? 0 : digits.Length - point) - exponent;
        BigInteger value = BigInteger.Parse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        for (; places > 0 && value % 10 == 0; places--)
            value /= 10;
        if (places < 0)
            (value, places) = (value * BigInteger.Pow(10, -places), 0);
        number = new(value, places);
        return places <= MostDigits && BigInteger.Abs(number.Floor) < BigInteger.Pow(10, MostDigits);
    }

    public override string ToString() =>
        $"{(Digits.Sign < 0 ? "-" : "")}{(Digits.Sign < 0 ? -this : this).Floor}{(Places == 0 ? "" : "." + (Digits.Sign < 0 ? -this : this).Fraction)}";
}
