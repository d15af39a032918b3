using MoA.Engine;
using MoA.Engine.Tokenization;
using MoA.Search.Calibration;
using MoA.Search.Pipeline;
using MoA.Search.Tests.Profiling;

namespace MoA.Search.Tests.Pipeline;

public sealed class CalibrationStepTests(DemoModel demo) : IClassFixture<DemoModel>, IDisposable
{
    private static readonly CalibrationStepSettings Settings = new()
    {
        ProfileLengths = [128],
        ValidationLength = 192,
        ItemsPerLength = 4,
        ValidationItems = 4,
        MaxAnswerTokens = 8,
    };

    private readonly TemporaryFolder _folder = new();

    /// <summary>Items of 120 tokens suit both lengths: those that one set takes the other must do without.</summary>
    [Fact]
    public void One_file_gives_two_sets_that_share_nothing()
    {
        string file = WriteTokens("all.jsonl", 0, 7);
        CalibrationSets sets = Run(Settings with { DataFile = file });
        Assert.Equal((3, 4), (sets.Calibration.Count, sets.Validation.Count)); // in turn, the longer first
        Assert.Empty(sets.Calibration.Select(item => item.Tokens[0]).Intersect(sets.Validation.Select(item => item.Tokens[0])));

        IReadOnlyList<EncodedItem> read = CalibrationStep.Read(demo.Model, _folder.File(CalibrationStep.CalibrationFile));
        Assert.Equal(sets.Calibration.Select(item => item.Tokens), read.Select(item => item.Tokens));
        Assert.Equal(sets.Calibration.Select(item => item.IsAnswer), read.Select(item => item.IsAnswer));
        Assert.Equal($"{file}:2", read[0].Item.Source);
    }

    [Fact]
    public void Items_of_another_file_that_are_profiled_too_are_not_validated_on()
    {
        string first = WriteTokens("first.jsonl", 0, 4), second = WriteTokens("second.jsonl", 2, 4);
        CalibrationSets sets = Run(Settings with { DataFile = first, ValidationDataFile = second });
        Assert.Equal([0, 1, 2, 3], sets.Calibration.Select(item => item.Tokens[0]));
        Assert.Equal([4, 5], sets.Validation.Select(item => item.Tokens[0]));
        InvalidInputException failure = Assert.Throws<InvalidInputException>(
            () => Run(Settings with { DataFile = first, ValidationDataFile = WriteTokens("third.jsonl", 1, 2) }));
        Assert.Contains("no item is left to validate on", failure.Message, StringComparison.Ordinal);
        string only = WriteTokens("only.jsonl", 0, 1);
        failure = Assert.Throws<InvalidInputException>(() => Run(Settings with { DataFile = only }));
        Assert.StartsWith($"{only}: no item of 65 to 128 tokens is left", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>Four items make two and two, not four and none.</summary>
    [Fact]
    public void A_small_file_is_dealt_to_both_sets()
    {
        CalibrationSets sets = Run(Settings with { DataFile = WriteTokens("four.jsonl", 0, 4) });
        Assert.Equal((2, 2), (sets.Calibration.Count, sets.Validation.Count));
    }

    /// <summary>Hours of answers must not be written before the second file turns out to be unusable.</summary>
    [Fact]
    public void Bad_validation_data_is_refused_before_the_model_writes_anything()
    {
        string questions = _folder.File("questions.jsonl"), bad = _folder.File("bad.jsonl");
        ConversationFile.Write(questions, [new MessagesItem([new(ChatRole.User, string.Join(' ', Enumerable.Repeat("word", 40)))])]);
        File.WriteAllText(bad, "{}\n");
        List<StepProgress> steps = [];
        using ResultJournal journal = ResultJournal.Open(_folder.File("journal.jsonl"));
        InvalidInputException failure = Assert.Throws<InvalidInputException>(() => CalibrationStep.Run(
            demo.Model, Settings with { DataFile = questions, ValidationDataFile = bad, ItemsPerLength = 1 }, journal, _folder.Path, steps.Add));
        Assert.StartsWith($"{bad}:1", failure.Message, StringComparison.Ordinal);
        Assert.Empty(steps);
    }

    [Fact]
    public void A_data_file_that_would_be_replaced_is_refused_and_stays()
    {
        string file = WriteTokens(CalibrationStep.ValidationFile, 0, 4);
        byte[] before = File.ReadAllBytes(file);
        foreach (CalibrationStepSettings settings in new[] { Settings with { DataFile = file }, Settings with { ValidationDataFile = file } })
        {
            InvalidInputException failure = Assert.Throws<InvalidInputException>(() => Run(settings));
            Assert.StartsWith($"{file}: would be replaced", failure.Message, StringComparison.Ordinal);
        }

        Assert.Equal(before, File.ReadAllBytes(file));
    }

    /// <summary>Lengths 65 to 128 and 97 to 192: of 30, 60, 120, 190 and 900 tokens two fit, and one is left because nobody needs it.</summary>
    [Fact]
    public void Items_that_fit_no_length_are_counted()
    {
        string file = _folder.File("lengths.jsonl");
        int[] lengths = [30, 60, 120, 190, 900, 121];
        ConversationFile.Write(file, lengths.Select((length, i) => new TokensItem([i, .. Enumerable.Range(100, length)], [new(1, length + 1)])));
        SkippedItems skipped = Assert.Single(Run(Settings with { DataFile = file, ItemsPerLength = 1, ValidationItems = 1 }).Skipped);
        Assert.Equal((6, "30 60 900"), (skipped.Items, string.Join(' ', skipped.Tokens)));
        Assert.Equal($"{file}: 3 of 6 items fit none of the lengths 128, 192 and were left out (30 to 900 tokens)", skipped.Describe());
    }

    public void Dispose() => _folder.Dispose();

    private CalibrationSets Run(CalibrationStepSettings settings)
    {
        using ResultJournal journal = ResultJournal.Open(_folder.File("journal.jsonl"));
        return CalibrationStep.Run(demo.Model, settings, journal, _folder.Path);
    }

    // Items of 121 tokens that begin with their number.
    private string WriteTokens(string name, int first, int count)
    {
        string file = _folder.File(name);
        ConversationFile.Write(file, Enumerable.Range(first, count).Select(
            number => new TokensItem([number, .. Enumerable.Range(100, 120)], [new(100, 121)])));
        return file;
    }
}
