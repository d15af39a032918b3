namespace MoA.Engine.Tokenization.Normalizing;

/// <summary>Replaces every occurrence of a string.</summary>
internal sealed class ReplaceTextNormalizer(string find, string replacement) : Normalizer
{
    public override string Normalize(string text, bool continues) =>
        text.Replace(find, replacement, StringComparison.Ordinal);
}
