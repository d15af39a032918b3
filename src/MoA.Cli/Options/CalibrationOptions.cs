using System.CommandLine;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Evaluation.Compression;
using MoA.Search.Calibration;

namespace MoA.Cli.Options;

/// <summary>The options that say what to calibrate on.</summary>
internal static class CalibrationOptions
{
    public static Option<string?> Data { get; } = new("--data", "-d")
    {
        Description = "Conversations to calibrate on (.jsonl; default: generated documents with questions about far-back facts)",
        HelpName = "FILE",
    };

    public static Option<string?> ValidationData { get; } = new("--validation-data")
    {
        Description = "Conversations to validate on (default: others from --data, or generated)",
        HelpName = "FILE",
    };

    public static Option<bool> KeepAnswers { get; } = new("--keep-answers")
    {
        Description = "Keep the answers of the data (default: the model writes its own, which makes better plans)",
    };

    public static Option<int?> Items { get; } = new("--items")
    {
        Description = "Items for each profile length (default: 50)",
        HelpName = "N",
    };

    public static Option<int?> ValidationItems { get; } = new("--validation-items")
    {
        Description = "Most items to validate on; plans that are worse beyond doubt get fewer (default: 100; 50 for contexts below 16384 tokens)",
        HelpName = "N",
    };

    public static Option<int?> AnswerTokens { get; } = new("--answer-tokens")
    {
        Description = "Most tokens of an answer that the model writes (default: an eighth of the shortest length)",
        HelpName = "N",
    };

    public static void AddTo(Command command)
    {
        foreach (Option option in new Option[] { Data, ValidationData, KeepAnswers, Items, ValidationItems, AnswerTokens })
            command.Options.Add(option);
    }

    /// <summary>Puts the options over a model's defaults.</summary>
    public static CompressionSettings Apply(CommandContext context, CompressionSettings defaults) => defaults with
    {
        ItemsPerLength = Positive(context, Items) ?? defaults.ItemsPerLength,
        ValidationItems = Positive(context, ValidationItems) ?? defaults.ValidationItems,
        MaxAnswerTokens = Positive(context, AnswerTokens) ?? defaults.MaxAnswerTokens,
        DataFile = context.Get(Data),
        ValidationDataFile = context.Get(ValidationData),
        KeepAnswers = context.Get(KeepAnswers),
        Seed = context.Get(GlobalOptions.Seed) ?? 0,
        CacheType = ModelOptions.CacheType(context),
    };

    /// <summary>Says what a model without chat template is given in place of conversations.</summary>
    public static void NoteBaseModel(CommandContext context, LanguageModel model)
    {
        if (model.Conversations is { HasTemplate: false })
            context.Note($"moa: {model.Name} has no chat template: documents and questions are plain text; calibration keeps the reference answers, and an answer is the first line written");
    }

    /// <summary>Says how many items of data files fit no length.</summary>
    public static void NoteSkipped(CommandContext context, IEnumerable<SkippedItems> files)
    {
        foreach (string line in files.Select(file => file.Describe()).OfType<string>())
            context.Note($"moa: {line}");
    }

    public static int? Positive(CommandContext context, Option<int?> option) => context.Get(option) switch
    {
        null => null,
        > 0 and int value => value,
        int value => throw new InvalidInputException($"{option.Name} {value}: expected a positive number"),
    };
}
