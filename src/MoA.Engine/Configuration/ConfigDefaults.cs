namespace MoA.Engine.Configuration;

/// <summary>The values of the transformers library for what a config.json of some family leaves out. Null: it must be there.</summary>
internal sealed record ConfigDefaults
{
    public int? VocabularySize { get; init; }

    public int? QueryHeads { get; init; }

    /// <summary>Null: as many as query heads.</summary>
    public int? KeyValueHeads { get; init; }

    /// <summary>Null: the hidden size over the query heads.</summary>
    public int? HeadSize { get; init; }

    public int MaxPositions { get; init; } = 32_768;

    public double RmsNormEpsilon { get; init; } = 1e-6;

    public double RopeTheta { get; init; } = 10_000;

    public bool TieWordEmbeddings { get; init; }

    public int? BosTokenId { get; init; }

    public int? EosTokenId { get; init; }

    public Activation Activation { get; init; }
}
