namespace MoA.Serving.Benchmarks;

/// <summary>Prompts of random tokens, which share no beginning.</summary>
internal static class Prompts
{
    // Below are special tokens of small vocabularies, and every model has these.
    private const int First = 16, Last = 500;

    public static int[] Make(Random random, int tokens) => [.. Enumerable.Range(0, tokens).Select(_ => random.Next(First, Last))];
}
