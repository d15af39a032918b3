namespace MoA.Engine.Tokenization;

/// <summary>Encodes the words of one text; holds the working memory for it.</summary>
internal abstract class SubwordEncoder
{
    /// <summary>Adds the tokens of one word to <paramref name="output"/>.</summary>
    /// <param name="word">Well-formed UTF-16.</param>
    /// <param name="output">Receives the ids.</param>
    public abstract void Encode(string word, List<int> output);
}
