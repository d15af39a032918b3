using MoA.Evaluation.Benchmarking;

namespace MoA.Evaluation.Tests.Benchmarking;

public sealed class PromptTokensTests
{
    // The first outputs of SplitMix64 with seed 0, as its reference implementation prints them:
    // E220A8397B1DCDAF, 6E789E6AA1B965F4, 06C45D188009454F, F88BB8A8724C81EC.
    [Fact]
    public void Tokens_are_the_leading_bits_of_SplitMix64()
    {
        int[] tokens = new int[4];
        PromptTokens.Fill(tokens, seed: 0, sequence: 0, position: 0, vocabularySize: 256);
        Assert.Equal([0xE2, 0x6E, 0x06, 0xF8], tokens);
        PromptTokens.Fill(tokens.AsSpan(0, 2), 0, 0, position: 2, vocabularySize: 1 << 16);
        Assert.Equal([0x06C4, 0xF88B], tokens[..2]);
    }

    [Fact]
    public void Every_place_has_a_token_of_its_own_in_the_vocabulary()
    {
        int[] first = new int[1000], second = new int[1000];
        PromptTokens.Fill(first, 7, 0, 0, 1280);
        PromptTokens.Fill(second, 7, 1, 0, 1280);
        Assert.All(first, token => Assert.InRange(token, 0, 1279));
        Assert.InRange(first.Distinct().Count(), 600, 800); // 1280 (1 − e^(−1000/1280)) = 694
        Assert.InRange(first.Zip(second).Count(pair => pair.First == pair.Second), 0, 10);
    }
}
