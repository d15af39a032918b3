using MoA.Engine.Configuration;

namespace MoA.Engine.Generation;

/// <summary>
/// How the next token is drawn. Penalties change the logits first, also where the most likely token is taken; then filters
/// apply in the order temperature, top-k, top-p, min-p (as transformers does).
/// </summary>
public sealed record SamplingOptions
{
    /// <summary>Always the most likely token.</summary>
    public static SamplingOptions Greedy { get; } = new();

    /// <summary>Divides the logits; 0 takes the most likely token and ignores the filters.</summary>
    public double Temperature { get; init; }

    /// <summary>Keeps the k most likely tokens; 0 keeps all.</summary>
    public int TopK { get; init; }

    /// <summary>Keeps the fewest most likely tokens whose probabilities reach this sum; 1 keeps all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Keeps tokens at least this share as likely as the likeliest; 0 keeps all.</summary>
    public double MinP { get; init; }

    /// <summary>
    /// Divides the logit of every token that the sequence, prompt included, holds already, or multiplies it where it is negative
    /// (transformers' <c>repetition_penalty</c>); 1 changes nothing.
    /// </summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>Taken from a token's logit for each time that it was written, the prompt not counted; 0 changes nothing.</summary>
    public double FrequencyPenalty { get; init; }

    /// <summary>Taken from the logit of every token that was written, the prompt not counted; 0 changes nothing.</summary>
    public double PresencePenalty { get; init; }

    /// <summary>How many of the last tokens the three penalties look at; null: at all.</summary>
    public int? PenaltyLastN { get; init; }

    /// <summary>No sequence of so many tokens comes twice, the prompt included; 0 allows it.</summary>
    public int NoRepeatNgramSize { get; init; }

    /// <summary>Added to the logits of tokens, before penalties: numbers from -100 (hardly ever) to 100 (hardly anything else); null changes nothing.</summary>
    public IReadOnlyDictionary<int, double>? LogitBias { get; init; }

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
        Require(RepetitionPenalty is >= 0.001 and <= 1000, "repetition-penalty", RepetitionPenalty, "a number from 0.001 to 1000, 1 for none");
        Require(FrequencyPenalty is >= -100 and <= 100, "frequency-penalty", FrequencyPenalty, "a number from -100 to 100");
        Require(PresencePenalty is >= -100 and <= 100, "presence-penalty", PresencePenalty, "a number from -100 to 100");
        Require(PenaltyLastN is null or >= 0, "penalty-last-n", PenaltyLastN ?? 0, "0 or a positive number");
        Require(NoRepeatNgramSize >= 0, "no-repeat-ngram-size", NoRepeatNgramSize, "0 (off) or a positive number");
        foreach ((int token, double bias) in LogitBias ?? new Dictionary<int, double>())
            Require(bias is >= -100 and <= 100, FormattableString.Invariant($"logit-bias of token {token}:"), bias, "a number from -100 to 100");
    }

    /// <summary>As the makers of a model want it; what they leave out is as OpenAI has it.</summary>
    internal static SamplingOptions Of(GenerationConfig asked)
    {
        bool samples = asked.DoSample ?? true;
        return new SamplingOptions
        {
            Temperature = samples ? asked.Temperature ?? 1 : 0,
            TopK = samples ? asked.TopK ?? 0 : 0,
            // The likeliest token alone holds more than so little, as those who ask for 0 want it.
            TopP = samples ? Math.Max(asked.TopP ?? 1, 1e-9) : 1,
            MinP = samples ? asked.MinP ?? 0 : 0,
            RepetitionPenalty = asked.RepetitionPenalty ?? 1,
            FrequencyPenalty = asked.FrequencyPenalty ?? 0,
            PresencePenalty = asked.PresencePenalty ?? 0,
            PenaltyLastN = asked.PenaltyLastN,
            NoRepeatNgramSize = asked.NoRepeatNgramSize ?? 0,
        };
    }

    /// <summary>Whether the tokens so far, or a bias, change the logits.</summary>
    internal bool ChangesLogits =>
        LogitBias is { Count: > 0 } || RepetitionPenalty != 1 || FrequencyPenalty != 0 || PresencePenalty != 0 || NoRepeatNgramSize != 0;

    private static void Require(bool holds, string name, double value, string expected)
    {
        if (!holds)
            throw new InvalidInputException(FormattableString.Invariant($"{name} {value}: expected {expected}"));
    }
}
