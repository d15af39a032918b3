namespace MoA.Engine.Tokenization.PreTokenizing;

/// <summary>Splits text into the words that byte-pair merges stay within.</summary>
internal abstract class PreTokenizer
{
    /// <summary>Splits one piece and adds what it becomes to <paramref name="output"/>; empty pieces are dropped.</summary>
    public abstract void Split(Piece piece, List<Piece> output);

    /// <summary>Adds the part [start, end) of a piece; only its first part keeps the piece's position.</summary>
    protected static void AddPart(Piece piece, int start, int end, List<Piece> output)
    {
        if (end > start)
            output.Add(new(piece.Text[start..end], start == 0 ? piece.Position : PiecePosition.Inside));
    }
}
