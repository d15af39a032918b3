using MoA.Engine.Tokenization.Normalizing;
using MoA.Engine.Tokenization.Patterns;

namespace MoA.Engine.Tokenization.Decoding;

/// <summary>Replaces every match of a pattern within a token.</summary>
internal sealed class ReplaceDecoder(Pattern pattern, string replacement) : TokenDecoder
{
    public override DecodingStage Start(DecodingStage next) => new Stage(next, pattern, replacement);

    private sealed class Stage(DecodingStage next, Pattern pattern, string replacement) : WholeTokenStage(next)
    {
        protected override void PushToken(string token) =>
            Next.Push(ReplaceNormalizer.Replace(token, pattern, replacement), endsToken: true);
    }
}
