namespace MoA.Engine.Tokenization.Decoding;

/// <summary>Makes one token of all tokens, so that the steps after see the text as a whole.</summary>
internal sealed class FuseDecoder : TokenDecoder
{
    public override DecodingStage Start(DecodingStage next) => new Stage(next);

    private sealed class Stage(DecodingStage next) : DecodingStage
    {
        public override void Push(string fragment, bool endsToken) => next.Push(fragment, endsToken: false);

        public override void Flush()
        {
            next.Push("", endsToken: true);
            next.Flush();
        }
    }
}
