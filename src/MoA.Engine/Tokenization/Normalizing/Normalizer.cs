namespace MoA.Engine.Tokenization.Normalizing;

/// <summary>A step that rewrites text before it is split and encoded.</summary>
internal abstract class Normalizer
{
    /// <summary>Rewrites one stretch of text.</summary>
    /// <param name="text">Well-formed UTF-16.</param>
    /// <param name="continues">
    /// The text goes on directly after text that is already encoded, so nothing is put in front of it.
    /// </param>
    public abstract string Normalize(string text, bool continues);
}
