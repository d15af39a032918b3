using System.Text;

namespace MoA.Engine.Tokenization.Normalizing;

/// <summary>Makes one space of several in a row and drops those at the ends (SentencePiece's remove_extra_whitespaces).</summary>
internal sealed class CollapseSpacesNormalizer : Normalizer
{
    public override string Normalize(string text, bool continues)
    {
        StringBuilder kept = new(text.Length);
        bool drops = !continues; // in text that goes on, a space in front parts it from what was before
        foreach (char character in text)
        {
            if (character != ' ' || !drops)
                kept.Append(character);
            drops = character == ' ';
        }

        if (kept.Length > 0 && kept[^1] == ' ')
            kept.Length--;
        return kept.ToString();
    }
}
