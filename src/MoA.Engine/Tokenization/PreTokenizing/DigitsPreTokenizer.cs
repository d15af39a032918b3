using MoA.Engine.Tokenization.Patterns;

namespace MoA.Engine.Tokenization.PreTokenizing;

/// <summary>Splits numbers off, as a whole or digit by digit.</summary>
internal sealed class DigitsPreTokenizer(bool individual) : PreTokenizer
{
    private static readonly Pattern Number = new(@"\p{N}");

    private readonly SplitPreTokenizer _split =
        new(Number, individual ? SplitBehavior.Isolated : SplitBehavior.Contiguous, invert: false);

    public override void Split(Piece piece, List<Piece> output) => _split.Split(piece, output);
}
