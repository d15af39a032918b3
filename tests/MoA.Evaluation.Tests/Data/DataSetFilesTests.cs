using MoA.Engine;
using MoA.Evaluation.Data;

namespace MoA.Evaluation.Tests.Data;

public sealed class DataSetFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("moa-files-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Files_are_found_plain_in_a_folder_named_data_and_in_archives()
    {
        string plain = SampleFiles.Write(Path.Combine(_folder, "a"), "qasper.jsonl", "{}");
        string below = SampleFiles.Write(Path.Combine(_folder, "b", "data"), "qasper.jsonl", "{}");
        string zip = SampleFiles.Zip(Path.Combine(_folder, "c"), "data.zip", "data/qasper.jsonl", """{"input":"i"}""");
        Assert.Equal(new DataFile(plain), In("a").Find("qasper.jsonl"));
        Assert.Equal(new DataFile(plain), new DataSetFiles(plain, "o/n").Find("anything.jsonl"));
        Assert.Equal(new DataFile(below), In("b").Find("qasper.jsonl"));
        Assert.Equal(new DataFile(zip, "data/qasper.jsonl"), In("c").Find("qasper.jsonl"));
        DataFile entry = new DataSetFiles(zip, "o/n").Find("qasper.jsonl");
        Assert.Equal("i", Assert.Single(DataLine.Read(entry)).Text("input"));
        Assert.Equal($"{zip}/data/qasper.jsonl:1", Assert.Single(DataLine.Read(entry)).Origin);
    }

    [Fact]
    public void A_missing_file_says_where_to_get_it_and_where_to_put_it()
    {
        _ = Directory.CreateDirectory(Path.Combine(_folder, "empty"));
        string message = Assert.Throws<InvalidInputException>(() => In("empty").Find("qasper.jsonl")).Message;
        foreach (string part in new[] { "qasper.jsonl", Path.Combine(_folder, "empty"), "o/n", "hf download", "--data" })
            Assert.Contains(part, message, StringComparison.Ordinal);
        Assert.Contains("no such file or folder", Assert.Throws<InvalidInputException>(() => In("none").Find("x")).Message, StringComparison.Ordinal);
        Assert.Null(In("empty").TryFind("qasper.jsonl"));
    }

    [Fact]
    public void A_damaged_archive_is_named()
    {
        string path = SampleFiles.Write(_folder, "data.zip", "no archive");
        Assert.StartsWith(path, Assert.Throws<InvalidInputException>(() => new DataSetFiles(path, "o/n").Find("x.jsonl")).Message, StringComparison.Ordinal);

        // Beside what is looked for it is someone else's; where that is missing it may be why.
        DataSetFiles beside = new(_folder, "o/n");
        Assert.Contains($"{path} cannot be read", Assert.Throws<InvalidInputException>(() => beside.Find("x.jsonl")).Message, StringComparison.Ordinal);
        string good = SampleFiles.Zip(_folder, "good.zip", "x.jsonl", "{}");
        Assert.Equal(new DataFile(good, "x.jsonl"), beside.Find("x.jsonl"));
        string zip = SampleFiles.Zip(Path.Combine(_folder, "d"), "data.zip", "x.jsonl", [.. Enumerable.Range(0, 3000).Select(i => $"{{\"input\":\"{i * 7919}\"}}")]);
        byte[] bytes = File.ReadAllBytes(zip);
        for (int i = 60; i < bytes.Length / 2; i += 3)
            bytes[i] ^= 0x5a;
        File.WriteAllBytes(zip, bytes);
        DataFile file = new DataSetFiles(zip, "o/n").Find("x.jsonl");
        Assert.StartsWith(zip, Assert.Throws<InvalidInputException>(() => DataLine.Read(file).Count()).Message, StringComparison.Ordinal);
    }

    /// <summary>A file is one data set: the one that it is named after, or the only one that was asked for, never all of them.</summary>
    [Fact]
    public void Sets_are_those_whose_files_are_there()
    {
        string[] sets = ["one", "two", "three"];
        string one = SampleFiles.Write(Path.Combine(_folder, "s"), "one.jsonl", "{}");
        string two = SampleFiles.Write(Path.Combine(_folder, "s"), "two.jsonl", "{}");
        string other = SampleFiles.Write(Path.Combine(_folder, "s"), "other.jsonl", "{}");
        Assert.Equal(["one", "two"], Choose(Path.Combine(_folder, "s"), false, sets));
        Assert.Equal(["three"], Choose(Path.Combine(_folder, "s"), true, "three"));
        Assert.Equal(sets, Choose(_folder, false, sets));
        Assert.Equal(["two"], Choose(two, false, sets));
        Assert.Equal(["one"], Choose(one, true, "one", "two"));
        Assert.Equal(["three"], Choose(other, true, "three"));
        foreach ((bool named, string[] asked) in new[] { (false, sets), (true, ["one", "two"]) })
            Assert.Contains($"--data {other}: one file holds one data set", Assert.Throws<InvalidInputException>(() => Choose(other, named, asked)).Message, StringComparison.Ordinal);

        static IReadOnlyList<string> Choose(string place, bool named, params string[] sets) =>
            new DataSetFiles(place, "o/n").Choose(sets, named, set => $"{set}.jsonl");
    }

    /// <summary>Who is refused keeps nothing open: the archive may be replaced at once.</summary>
    [Fact]
    public void An_archive_is_closed_when_its_content_cannot_be_read()
    {
        string zip = SampleFiles.Zip(Path.Combine(_folder, "e"), "data.zip", "x.jsonl", "{}");
        Assert.Contains("the archive has no y.jsonl", Assert.Throws<InvalidInputException>(() => new DataFile(zip, "y.jsonl").Open()).Message, StringComparison.Ordinal);
        using FileStream alone = new(zip, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        Assert.True(alone.Length > 0);
    }

    private DataSetFiles In(string folder) => new(Path.Combine(_folder, folder), "o/n");
}
