namespace MoA.Engine.Tokenization.Normalizing;

/// <summary>Several normalizers, one after the other.</summary>
internal sealed class SequenceNormalizer(IReadOnlyList<Normalizer> steps) : Normalizer
{
    public override string Normalize(string text, bool continues) =>
        steps.Aggregate(text, (current, step) => step.Normalize(current, continues));
}
