namespace MoA.Engine.Attention.Scoring;

/// <summary>
/// The most attention that a row gets while the model is made to repeat its prompt (KVzip, arXiv 2505.23416): the prompt is read again, piece by piece, behind
/// what was read.
/// </summary>
/// <param name="Chunk">Tokens that are repeated at a time.</param>
internal sealed record RepetitionScorer(int Chunk = RepetitionScorer.DefaultChunk) : RowScorer
{
    /// <summary>Tokens at a time, as in the official code.</summary>
    public const int DefaultChunk = 2000;

    /// <summary>The first tokens, which stay.</summary>
    public const int Sink = 4;

    /// <inheritdoc/>
    public override string Name => KvZipPolicy.CommandName;

    /// <inheritdoc/>
    public override bool ReadsTwice => true;

    /// <inheritdoc/>
    public override int SinkTokens => Sink;
}
