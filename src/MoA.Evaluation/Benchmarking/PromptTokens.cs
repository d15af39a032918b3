namespace MoA.Evaluation.Benchmarking;

/// <summary>
/// Random tokens for speed measurements: SplitMix64 (Steele, Lea, Flood 2014) of the seed and the place, so that another
/// engine can be given the very same ones (benchmarks/peers/tokens.mjs).
/// </summary>
internal static class PromptTokens
{
    private const ulong Gamma = 0x9E3779B97F4A7C15;

    /// <summary>Tokens of a sequence from a position on, uniform over the vocabulary.</summary>
    public static void Fill(Span<int> tokens, ulong seed, int sequence, int position, int vocabularySize)
    {
        ulong place = seed + ((ulong)sequence << 32) + (ulong)position;
        for (int i = 0; i < tokens.Length; i++)
            tokens[i] = (int)Math.BigMul(Mix((place + (ulong)i + 1) * Gamma), (ulong)vocabularySize, out _);
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
