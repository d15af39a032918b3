using System.Text;
using System.Text.Json;
using MoA.Engine;
using MoA.Search.Tests.Profiling;

namespace MoA.Search.Tests.Pipeline;

public sealed class ResultJournalTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Path => _folder.File("journal.jsonl");

    [Fact]
    public void Finished_pieces_are_there_again()
    {
        double value = 0.1 + 0.2;
        using (ResultJournal journal = ResultJournal.Open(Path))
        {
            Assert.False(journal.TryGet("a", out _));
            journal.Add("a", writer => writer.WriteNumberValue(value));
            journal.Add("\"\n ü", writer => writer.WriteStringValue("\u2028\n"));
            journal.Add("a", writer => writer.WriteNumberValue(value + 1));
            Assert.Equal(value + 1, Number(journal, "a"));
        }

        using ResultJournal again = ResultJournal.Open(Path);
        Assert.Equal(value + 1, Number(again, "a"));
        Assert.True(again.TryGet("\"\n ü", out JsonElement text));
        Assert.Equal("\u2028\n", text.GetString());
        Assert.False(again.TryGet("b", out _));
    }

    /// <summary>A crash may leave any beginning of the last line.</summary>
    [Fact]
    public void A_line_cut_off_anywhere_is_dropped_and_written_anew()
    {
        using (ResultJournal journal = ResultJournal.Open(Path))
        {
            journal.Add("first", writer => writer.WriteNumberValue(1));
            journal.Add("second", writer => writer.WriteNumberValue(22));
        }

        byte[] whole = File.ReadAllBytes(Path);
        for (int length = 0; length < Array.IndexOf(whole, (byte)'\n'); length++)
        {
            File.WriteAllBytes(Path, whole[..length]);
            using ResultJournal journal = ResultJournal.Open(Path);
            Assert.False(journal.TryGet("first", out _));
        }

        int lastLine = Array.IndexOf(whole, (byte)'\n') + 1;
        for (int length = lastLine; length < whole.Length; length++)
        {
            File.WriteAllBytes(Path, whole[..length]);
            using (ResultJournal journal = ResultJournal.Open(Path))
            {
                Assert.Equal(1, Number(journal, "first"));
                Assert.False(journal.TryGet("second", out _));
                journal.Add("second", writer => writer.WriteNumberValue(22));
            }

            Assert.Equal(whole, File.ReadAllBytes(Path));
        }
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("")]
    [InlineData("[1]")]
    [InlineData("{\"key\":1,\"value\":2}")]
    [InlineData("{\"key\":\"x\"}")]
    [InlineData("{\"key\":\"\\ud800\",\"value\":2}")]
    [InlineData("{\"key\":\"\u00ff\",\"value\":2}")]
    [InlineData("\0\0\0\0")]
    public void A_damaged_line_costs_only_itself(string line)
    {
        byte[] bytes = Encoding.Latin1.GetBytes("{\"key\":\"a\",\"value\":1}\n" + line + "\n{\"key\":\"b\",\"value\":2}\n");
        File.WriteAllBytes(Path, bytes);
        using ResultJournal journal = ResultJournal.Open(Path);
        Assert.Equal(1, Number(journal, "a"));
        Assert.Equal(2, Number(journal, "b"));
    }

    [Theory]
    [InlineData("my notes")]
    [InlineData("{\"role\":\"user\"}\n{\"role\":\"assistant\"}\nunfinished")]
    [InlineData("\n")]
    public void A_file_that_is_no_journal_is_refused_and_stays(string content)
    {
        File.WriteAllText(Path, content);
        InvalidInputException failure = Assert.Throws<InvalidInputException>(() => ResultJournal.Open(Path));
        Assert.StartsWith($"{Path}: not a journal", failure.Message, StringComparison.Ordinal);
        Assert.Equal(content, File.ReadAllText(Path));
    }

    [Fact]
    public void Files_in_the_place_of_outputs_are_refused_where_no_run_was()
    {
        File.WriteAllText(_folder.File("plan.json"), "the user's");
        InvalidInputException failure = Assert.Throws<InvalidInputException>(() => ResultJournal.OpenIn(_folder.Path, "report.html", "plan.json"));
        Assert.StartsWith($"{_folder.File("plan.json")}: would be replaced", failure.Message, StringComparison.Ordinal);
        Assert.Equal([_folder.File("plan.json")], Directory.GetFiles(_folder.Path));
        ResultJournal.OpenIn(_folder.Path, "report.html").Dispose();
        ResultJournal.OpenIn(_folder.Path, "report.html", "plan.json").Dispose();
    }

    [Fact]
    public void A_second_run_on_the_same_journal_is_refused()
    {
        using (ResultJournal.Open(Path))
        {
            InvalidInputException failure = Assert.Throws<InvalidInputException>(() => ResultJournal.Open(Path));
            Assert.StartsWith($"{Path}: ", failure.Message, StringComparison.Ordinal);
            Assert.Contains("another run", failure.Message, StringComparison.Ordinal);
        }

        ResultJournal.Open(Path).Dispose();
        _ = Assert.Throws<InvalidInputException>(() => ResultJournal.Open(_folder.File("no/such/folder")));
    }

    [Fact]
    public void A_hash_tells_where_one_part_ends()
    {
        string[] hashes =
            [ResultJournal.Hash("ab", "c"), ResultJournal.Hash("a", "bc"), ResultJournal.Hash("abc"), ResultJournal.Hash("abc", "")];
        Assert.Equal(4, hashes.Distinct().Count());
        Assert.Equal(hashes[0], ResultJournal.Hash("ab", "c"));
    }

    public void Dispose() => _folder.Dispose();

    private static double Number(ResultJournal journal, string key)
    {
        Assert.True(journal.TryGet(key, out JsonElement value));
        return value.GetDouble();
    }
}
