namespace MoA.Engine.Tokenization.Decoding;

/// <summary>A step that needs to see every token as a whole.</summary>
internal abstract class WholeTokenStage(DecodingStage next) : DecodingStage
{
    private string _begun = "";

    protected DecodingStage Next => next;

    protected abstract void PushToken(string token);

    public sealed override void Push(string fragment, bool endsToken)
    {
        string token = _begun.Length == 0 ? fragment : _begun + fragment;
        _begun = endsToken ? "" : token;
        if (endsToken)
            PushToken(token);
    }

    public override void Flush() => next.Flush();
}
