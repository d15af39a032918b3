namespace MoA.Engine.Tokenization.Normalizing;

/// <summary>Removes white space at the left and right end.</summary>
internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    public override string Normalize(string text, bool continues)
    {
        if (left && !continues)
            text = text.TrimStart();
        return right ? text.TrimEnd() : text;
    }
}
