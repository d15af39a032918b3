using System.CommandLine;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Generation;

namespace MoA.Cli.Options;

/// <summary>Options of commands that write text.</summary>
internal static class SamplingArguments
{
    public static Option<int?> MaxNewTokens { get; } = new("--max-new-tokens", "-n")
    {
        Description = "Most tokens to write (default: 256, or what the model's context leaves)",
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

    public static Option<string[]> Stop { get; } = new("--stop")
    {
        Description = "Text that ends the output; may be given several times",
        HelpName = "TEXT",
    };

    public static void AddTo(Command command)
    {
        foreach (Option option in new Option[] { MaxNewTokens, Temperature, TopK, TopP, MinP, Stop })
            command.Options.Add(option);
    }

    /// <summary>What the options and the model's generation_config.json ask for.</summary>
    public static GenerationOptions Read(CommandContext context, LanguageModel model)
    {
        int? maxNewTokens = context.Get(MaxNewTokens);
        if (maxNewTokens < 1)
            throw new InvalidInputException($"--max-new-tokens {maxNewTokens}: expected a positive number");
        bool samples = model.Generation.DoSample ?? false;
        SamplingOptions sampling = new()
        {
            Temperature = context.Get(Temperature) ?? (samples ? model.Generation.Temperature ?? 1 : 0),
            TopK = context.Get(TopK) ?? (samples ? model.Generation.TopK ?? 0 : 0),
            TopP = context.Get(TopP) ?? (samples ? model.Generation.TopP ?? 1 : 1),
            MinP = context.Get(MinP) ?? (samples ? model.Generation.MinP ?? 0 : 0),
            Seed = context.Get(GlobalOptions.Seed) ?? 0,
        };
        sampling.Check();
        return new GenerationOptions
        {
            MaxNewTokens = maxNewTokens ?? 256,
            Sampling = sampling,
            Stop = context.Get(Stop) ?? [],
        };
    }
}
