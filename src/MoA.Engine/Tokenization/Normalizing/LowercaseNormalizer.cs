namespace MoA.Engine.Tokenization.Normalizing;

/// <summary>Lower case of every code point, whatever the culture.</summary>
internal sealed class LowercaseNormalizer : Normalizer
{
    // The one letter whose full lower case is two code points (Unicode, SpecialCasing.txt).
    public override string Normalize(string text, bool continues) =>
        text.Replace("\u0130", "i\u0307", StringComparison.Ordinal).ToLowerInvariant();
}
