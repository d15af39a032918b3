namespace MoA.Engine.Tokenization.PreTokenizing;

/// <summary>Puts a string in front of the whole text, unless it begins with a special token; splits nothing.</summary>
internal sealed class PrefixPreTokenizer(string prefix) : PreTokenizer
{
    public override void Split(Piece piece, List<Piece> output) =>
        output.Add(piece.Position == PiecePosition.TextStart ? piece with { Text = prefix + piece.Text } : piece);
}
