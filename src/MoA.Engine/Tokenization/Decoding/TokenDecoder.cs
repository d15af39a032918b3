namespace MoA.Engine.Tokenization.Decoding;

/// <summary>
/// One step of turning tokens back into text. A decoder is a recipe; <see cref="Start"/> begins one run of it, so that a
/// text can be decoded token by token and in one go by the same code.
/// </summary>
internal abstract class TokenDecoder
{
    /// <summary>Begins a run that hands its output to <paramref name="next"/>.</summary>
    public abstract DecodingStage Start(DecodingStage next);

    /// <summary>The decoders that this is made of, in their order.</summary>
    public virtual IEnumerable<TokenDecoder> Steps => [this];
}
