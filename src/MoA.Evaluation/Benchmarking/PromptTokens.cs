using MoA.Engine.Numerics;

namespace MoA.Evaluation.Benchmarking;

/// <summary>
/// Random tokens for speed measurements: outputs of <see cref="SplitMix64"/> from a place on that seed, sequence and position
/// give, so that another engine can be given the very same ones (benchmarks/peers/tokens.mjs).
/// </summary>
internal static class PromptTokens
{
    /// <summary>Tokens of a sequence from a position on, uniform over the vocabulary.</summary>
    public static void Fill(Span<int> tokens, ulong seed, int sequence, int position, int vocabularySize)
    {
        ulong place = seed + ((ulong)sequence << 32) + (ulong)position;
        for (int i = 0; i < tokens.Length; i++)
            tokens[i] = (int)Math.BigMul(SplitMix64.At(place + (ulong)i), (ulong)vocabularySize, out _);
    }
}
