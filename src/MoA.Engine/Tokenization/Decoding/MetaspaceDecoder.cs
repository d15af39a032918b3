using MoA.Engine.Tokenization.PreTokenizing;

namespace MoA.Engine.Tokenization.Decoding;

/// <summary>Turns space marks into spaces; those of the first token are dropped where the encoder puts one there.</summary>
internal sealed class MetaspaceDecoder(string mark, PrependScheme scheme) : TokenDecoder
{
    public override DecodingStage Start(DecodingStage next) => new Stage(next, mark, scheme != PrependScheme.Never);

    private sealed class Stage(DecodingStage next, string mark, bool dropsFirst) : WholeTokenStage(next)
    {
        private bool _begun;

        protected override void PushToken(string token)
        {
            string space = dropsFirst && !_begun ? "" : " ";
            _begun = true;
            Next.Push(token.Replace(mark, space, StringComparison.Ordinal), endsToken: true);
        }
    }
}
