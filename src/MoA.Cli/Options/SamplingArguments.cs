using System.CommandLine;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;

namespace MoA.Cli.Options;

/// <summary>Options of commands that write text.</summary>
internal static class SamplingArguments
{
    public static Option<int?> MaxNewTokens { get; } = new("--max-new-tokens", "-n")
    {
        Description = "Most tokens to write (default: what the model's generation_config.json says, else 256, or what the context leaves)",
        HelpName = "N",
    };

    public static Option<double?> Temperature { get; } = new("--temperature")
    {
        Description = "0 takes the likeliest token (default: what the model's generation_config.json says, else 0)",
        HelpName = "T",
    };

    public static Option<int?> TopK { get; } = new("--top-k") { Description = "Draw from the K likeliest tokens only", HelpName = "K" };

    public static Option<double?> TopP { get; } = new("--top-p")
    {
        Description = "Draw from the likeliest tokens that hold this share of the probability",
        HelpName = "P",
    };

    public static Option<double?> MinP { get; } = new("--min-p")
    {
        Description = "Drop tokens less likely than this share of the likeliest",
        HelpName = "P",
    };

    public static Option<double?> RepetitionPenalty { get; } = new("--repetition-penalty")
    {
        Description = "Makes tokens of prompt and output less likely to come again: their logits are divided by this, negative ones " +
            "multiplied (1: off; this and the next four default to what the model's generation_config.json says)",
        HelpName = "R",
    };

    public static Option<double?> FrequencyPenalty { get; } = new("--frequency-penalty")
    {
        Description = "Taken from a token's logit for each time that the output holds it (0: off)",
        HelpName = "F",
    };

    public static Option<double?> PresencePenalty { get; } = new("--presence-penalty")
    {
        Description = "Taken from the logit of every token that the output holds (0: off)",
        HelpName = "P",
    };

    public static Option<int?> PenaltyLastN { get; } = new("--penalty-last-n")
    {
        Description = "Let these penalties look at the last N tokens only (-1: at all)",
        HelpName = "N",
    };

    public static Option<int?> NoRepeatNgramSize { get; } = new("--no-repeat-ngram-size")
    {
        Description = "Let no sequence of N tokens come twice (0: off)",
        HelpName = "N",
    };

    public static Option<string[]> Stop { get; } = new("--stop")
    {
        Description = "Text that ends the output; may be given several times",
        HelpName = "TEXT",
    };

    public static void AddTo(Command command)
    {
        Option[] options =
        [
            MaxNewTokens, Temperature, TopK, TopP, MinP, RepetitionPenalty, FrequencyPenalty, PresencePenalty, PenaltyLastN,
            NoRepeatNgramSize, Stop,
        ];
        foreach (Option option in options)
            command.Options.Add(option);
    }

    /// <summary>What the options and the model's generation_config.json ask for.</summary>
    public static GenerationOptions Read(CommandContext context, LanguageModel model)
    {
        int? maxNewTokens = context.Get(MaxNewTokens);
        if (maxNewTokens < 1)
            throw new InvalidInputException($"--max-new-tokens {maxNewTokens}: expected a positive number");
        GenerationConfig asked = model.Generation;
        if (asked.NotApplied.Count > 0)
            context.Note($"moa: the model asks for what is not applied: {string.Join(", ", asked.NotApplied)}");
        bool samples = asked.DoSample ?? false;
        SamplingOptions sampling = new()
        {
            Temperature = context.Get(Temperature) ?? (samples ? asked.Temperature ?? 1 : 0),
            TopK = context.Get(TopK) ?? (samples ? asked.TopK ?? 0 : 0),
            TopP = context.Get(TopP) ?? (samples ? asked.TopP ?? 1 : 1),
            MinP = context.Get(MinP) ?? (samples ? asked.MinP ?? 0 : 0),
            RepetitionPenalty = context.Get(RepetitionPenalty) ?? asked.RepetitionPenalty ?? 1,
            FrequencyPenalty = context.Get(FrequencyPenalty) ?? asked.FrequencyPenalty ?? 0,
            PresencePenalty = context.Get(PresencePenalty) ?? asked.PresencePenalty ?? 0,
            PenaltyLastN = context.Get(PenaltyLastN) is int last ? (last == -1 ? null : last) : asked.PenaltyLastN,
            NoRepeatNgramSize = context.Get(NoRepeatNgramSize) ?? asked.NoRepeatNgramSize ?? 0,
            Seed = context.Get(GlobalOptions.Seed) ?? 0,
        };
        sampling.Check();
        return new GenerationOptions
        {
            MaxNewTokens = maxNewTokens ?? asked.MaxNewTokens ?? 256,
            Sampling = sampling,
            Stop = [.. asked.StopStrings, .. context.Get(Stop) ?? []],
        };
    }
}
