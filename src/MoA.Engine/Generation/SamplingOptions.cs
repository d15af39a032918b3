namespace MoA.Engine.Generation;

/// <summary>
/// How the next token is drawn. Filters apply in the order temperature, top-k, top-p, min-p (as transformers does).
/// </summary>
public sealed record SamplingOptions
{
    /// <summary>Always the most likely token.</summary>
    public static SamplingOptions Greedy { get; } = new();

    /// <summary>Divides the logits; 0 takes the most likely token and ignores everything else here.</summary>
    public double Temperature { get; init; }

    /// <summary>Keeps the k most likely tokens; 0 keeps all.</summary>
    public int TopK { get; init; }

    /// <summary>Keeps the fewest most likely tokens whose probabilities reach this sum; 1 keeps all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Keeps tokens at least this share as likely as the likeliest; 0 keeps all.</summary>
    public double MinP { get; init; }

    /// <summary>Seed of the random numbers: the same seed draws the same tokens.</summary>
    public ulong Seed { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="InvalidInputException">A value is out of range.</exception>
    public void Check()
    {
        Require(Temperature is >= 0 and < 1000, "temperature", Temperature, "0 (greedy) or a positive number");
        Require(TopK >= 0, "top-k", TopK, "0 (off) or a positive number");
        Require(TopP is > 0 and <= 1, "top-p", TopP, "a number above 0 and up to 1");
        Require(MinP is >= 0 and <= 1, "min-p", MinP, "a number from 0 to 1");
    }

    private static void Require(bool holds, string name, double value, string expected)
    {
        if (!holds)
            throw new InvalidInputException(FormattableString.Invariant($"{name} {value}: expected {expected}"));
    }
}
