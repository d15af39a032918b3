using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Search.Calibration;
using MoA.Search.Units;

namespace MoA.Search.Pipeline;

/// <summary>The calibrate step: the items to profile on, and others, of an unseen length, to validate on.</summary>
internal static class CalibrationStep
{
    /// <summary>Name of the file of items to profile on.</summary>
    public const string CalibrationFile = "calibration.jsonl";

    /// <summary>Name of the file of items to validate on.</summary>
    public const string ValidationFile = "validation.jsonl";

    /// <summary>Makes both sets and writes them to the folder.</summary>
    /// <param name="model">The model.</param>
    /// <param name="settings">What is asked for.</param>
    /// <param name="journal">Finished answers.</param>
    /// <param name="folder">Where the files go.</param>
    /// <param name="progress">Told of every finished group.</param>
    /// <param name="workers">Others who answer what the journal lacks; null for none.</param>
    /// <param name="cancellation">Checked between forward passes.</param>
    public static CalibrationSets Run(
        LanguageModel model,
        CalibrationStepSettings settings,
        ResultJournal journal,
        string folder,
        Action<StepProgress>? progress = null,
        IUnitWorkers? workers = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        RefuseOwnInput(folder, settings.DataFile);
        RefuseOwnInput(folder, settings.ValidationDataFile);
        AnswerWriter answers = new(
            model, journal, ModelFingerprint.Of(model), settings.CacheType, workers is null ? progress : StepProgress.Rising(progress))
        {
            Workers = workers,
        };
        Calibrator calibrator = new(model, answers);
        bool ownAnswers = !settings.KeepAnswers && !(model.Tokenizer is not null && new QuestionEncoder(model).IsPlainText);
        CalibrationSettings calibration = Settings(
            CalibrationSplit.Calibration, settings.ProfileLengths, settings.ItemsPerLength, settings.DataFile);
        CalibrationSettings validation = Settings(
            CalibrationSplit.Validation, [settings.ValidationLength], settings.ValidationItems,
            settings.ValidationDataFile ?? settings.DataFile);
        IReadOnlyList<IReadOnlyList<EncodedItem>> created = calibrator.Create([calibration, validation], cancellation);
        CalibrationSets sets = new(created[0], created[1]) { OwnAnswers = ownAnswers, Skipped = [.. calibrator.Skipped.Values] };
        if (validation.DataFile is not null)
            sets = sets.WithoutSharedItems(validation.DataFile);
        ConversationFile.Write(Path.Combine(folder, CalibrationFile), sets.Calibration.Select(AsTokens));
        ConversationFile.Write(Path.Combine(folder, ValidationFile), sets.Validation.Select(AsTokens));
        return sets;

        CalibrationSettings Settings(CalibrationSplit split, IReadOnlyList<int> lengths, int items, string? dataFile) => new()
        {
            Lengths = lengths,
            ItemsPerLength = items,
            Split = split,
            DataFile = dataFile,
            KeepAnswers = !ownAnswers,
            MaxAnswerTokens = settings.MaxAnswerTokens,
            Seed = settings.Seed,
        };
    }

    private static void RefuseOwnInput(string folder, string? dataFile)
    {
        foreach (string name in new[] { CalibrationFile, ValidationFile })
        {
            if (dataFile is not null && Path.GetFullPath(Path.Combine(folder, name)) == Path.GetFullPath(dataFile))
                throw new InvalidInputException($"{dataFile}: would be replaced by what is made of it; choose another --out");
        }
    }

    /// <summary>The items of a file, encoded for the model.</summary>
    public static IReadOnlyList<EncodedItem> Read(LanguageModel model, string file)
    {
        ItemEncoder encoder = new(model);
        return [.. ConversationFile.Read(file, requireAnswers: true).Select(encoder.Encode)];
    }

    /// <summary>The texts of a file, whatever parts of them are answers.</summary>
    public static IReadOnlyList<int[]> ReadTexts(LanguageModel model, string file)
    {
        ItemEncoder encoder = new(model);
        return [.. ConversationFile.Read(file).Select(item => encoder.Encode(item).Tokens)];
    }

    // Exactly the tokens that were profiled: text would have to be encoded again, perhaps differently.
    private static TokensItem AsTokens(EncodedItem item) => new(item.Tokens, item.AnswerSpans())
    {
        Source = item.Item.Source ?? (item.Item.Origin == "generated" ? "generated" : item.Item.Origin),
        Dataset = item.Item.Dataset,
        Kind = item.Item.Kind,
    };
}
