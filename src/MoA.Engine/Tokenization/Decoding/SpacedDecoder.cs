namespace MoA.Engine.Tokenization.Decoding;

/// <summary>What a tokenizer without a decoder does: writes the tokens with a space between them.</summary>
internal sealed class SpacedDecoder : TokenDecoder
{
    public override DecodingStage Start(DecodingStage next) => new Stage(next);

    private sealed class Stage(DecodingStage next) : WholeTokenStage(next)
    {
        private bool _begun;

        protected override void PushToken(string token)
        {
            Next.Push(_begun ? " " + token : token, endsToken: true);
            _begun = true;
        }
    }
}
