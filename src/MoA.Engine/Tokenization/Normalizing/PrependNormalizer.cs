namespace MoA.Engine.Tokenization.Normalizing;

/// <summary>Puts a string in front of every non-empty stretch of text (SentencePiece's dummy prefix).</summary>
internal sealed class PrependNormalizer(string prefix) : Normalizer
{
    public override string Normalize(string text, bool continues) =>
        text.Length == 0 || continues ? text : prefix + text;
}
