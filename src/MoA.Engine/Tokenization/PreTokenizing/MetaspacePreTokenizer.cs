namespace MoA.Engine.Tokenization.PreTokenizing;

/// <summary>SentencePiece's spaces: written as a visible mark, put in front of the text, and split before where asked.</summary>
internal sealed class MetaspacePreTokenizer(string mark, PrependScheme scheme, bool split) : PreTokenizer
{
    public override void Split(Piece piece, List<Piece> output)
    {
        string text = piece.Text.Replace(" ", mark, StringComparison.Ordinal);
        if (IsPrefixed(piece.Position) && !text.StartsWith(mark, StringComparison.Ordinal))
            text = mark + text;
        Piece marked = piece with { Text = text };
        int from = 0;
        for (int at = 1; split && (at = text.IndexOf(mark, at, StringComparison.Ordinal)) >= 0; at += mark.Length)
        {
            AddPart(marked, from, at, output);
            from = at;
        }

        AddPart(marked, from, text.Length, output);
    }

    private bool IsPrefixed(PiecePosition position) => scheme switch
    {
        PrependScheme.Always => position != PiecePosition.Continuation,
        PrependScheme.First => position == PiecePosition.TextStart,
        _ => false,
    };
}
