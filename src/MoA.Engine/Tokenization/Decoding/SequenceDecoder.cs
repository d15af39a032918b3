namespace MoA.Engine.Tokenization.Decoding;

/// <summary>Several decoders, one after the other.</summary>
internal sealed class SequenceDecoder(IReadOnlyList<TokenDecoder> steps) : TokenDecoder
{
    public override DecodingStage Start(DecodingStage next) =>
        steps.Reverse().Aggregate(next, (stage, step) => step.Start(stage));

    public override IEnumerable<TokenDecoder> Steps => steps.SelectMany(step => step.Steps);
}
