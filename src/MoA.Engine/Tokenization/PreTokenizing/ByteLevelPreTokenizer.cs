using MoA.Engine.Tokenization.Patterns;

namespace MoA.Engine.Tokenization.PreTokenizing;

/// <summary>
/// GPT-2's pre-tokenizer: splits by its pattern (unless an earlier step has split) and writes every UTF-8 byte as one
/// printable character.
/// </summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool splitByPattern) : PreTokenizer
{
    private static readonly Pattern WordPattern =
        new(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+");

    public override void Split(Piece piece, List<Piece> output)
    {
        bool prefixed = addPrefixSpace && piece.Position != PiecePosition.Continuation && !piece.Text.StartsWith(' ');
        string text = prefixed ? " " + piece.Text : piece.Text;
        if (!splitByPattern)
        {
            output.Add(piece with { Text = ByteLevelAlphabet.Write(text) });
            return;
        }

        foreach (PatternMatch match in WordPattern.Matches(text))
        {
            PiecePosition position = match.Start == 0 ? piece.Position : PiecePosition.Inside;
            output.Add(new(ByteLevelAlphabet.Write(text.AsSpan(match.Start, match.End - match.Start)), position));
        }
    }
}
