namespace MoA.Engine.Tokenization.Decoding;

/// <summary>
/// A running decoder step. Tokens come as one or more fragments, the last of them with <c>endsToken</c>; a step passes on
/// what can no longer change and holds back the rest.
/// </summary>
internal abstract class DecodingStage
{
    /// <summary>Takes the next fragment of the current token.</summary>
    public abstract void Push(string fragment, bool endsToken);

    /// <summary>
    /// Takes an added token, whose text is no work of the encoder. Steps that undo what the encoder does to words pass it on as
    /// it is; the others treat it as any token.
    /// </summary>
    public virtual void PushAdded(string token) => Push(token, endsToken: true);

    /// <summary>Ends the text: passes on what is held back, here and in the steps after.</summary>
    public abstract void Flush();
}
