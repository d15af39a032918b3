namespace MoA.Evaluation.Tasks;

/// <summary>An answer as a model wrote it.</summary>
/// <param name="Text">The text without special tokens.</param>
/// <param name="NewTokens">Tokens written.</param>
/// <param name="KvBytes">Bytes of the sequence's caches.</param>
internal readonly record struct WrittenAnswer(string Text, int NewTokens, long KvBytes)
{
    /// <summary>The most bytes that they took at one time.</summary>
    public long PeakKvBytes { get; init; }
}
