using MoA.Engine;
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
        Assert.Equal((4, 3), (sets.Calibration.Count, sets.Validation.Count));
        Assert.Empty(sets.Calibration.Select(item => item.Tokens[0]).Intersect(sets.Validation.Select(item => item.Tokens[0])));

        IReadOnlyList<EncodedItem> read = CalibrationStep.Read(demo.Model, _folder.File(CalibrationStep.CalibrationFile));
        Assert.Equal(sets.Calibration.Select(item => item.Tokens), read.Select(item => item.Tokens));
        Assert.Equal(sets.Calibration.Select(item => item.IsAnswer), read.Select(item => item.IsAnswer));
        Assert.Equal($"{file}:1", read[0].Item.Source);
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
        failure = Assert.Throws<InvalidInputException>(() => Run(Settings with { DataFile = first }));
        Assert.StartsWith($"{first}: no item of 97 to 192 tokens is left", failure.Message, StringComparison.Ordinal);
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
