namespace MoA.Engine.Tokenization.PreTokenizing;

/// <summary>Several pre-tokenizers, each splitting what the one before left.</summary>
internal sealed class SequencePreTokenizer(IReadOnlyList<PreTokenizer> steps) : PreTokenizer
{
    public override void Split(Piece piece, List<Piece> output)
    {
        List<Piece> pieces = [piece];
        foreach (PreTokenizer step in steps)
        {
            var next = new List<Piece>(pieces.Count);
            foreach (Piece part in pieces)
                step.Split(part, next);
            pieces = next;
        }

        output.AddRange(pieces);
    }
}
