using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Files;
using MoA.Engine.Tests.Models.Loading;
using MoA.Tests;

namespace MoA.Engine.Tests.Files;

public sealed class SafetensorsWriterTests
{
    [Fact]
    public void The_bytes_are_those_of_the_format()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("two.safetensors");
        SafetensorsWriter.Write(path, new Dictionary<string, string> { ["z"] = "1", ["a"] = "2" },
            [("b", [1, 2], [1f, -2.5f]), ("B", [], [0.5f])]);
        const string header =
            """{"__metadata__":{"a":"2","z":"1"},"B":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]}}""";
        string padded = header.PadRight((header.Length + 7) / 8 * 8);
        Assert.Equal(
            SafetensorsBytes.File(padded, 0, 0, 0, 0x3F, 0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0), File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void The_order_given_does_not_matter_and_a_file_is_replaced()
    {
        using TemporaryFolder folder = new();
        (string Name, long[] Shape, float[] Data)[] tensors =
            [("x", [1], [1f]), ("y", [2], [2f, 3f]), ("a.b", [0], [])];
        SafetensorsWriter.Write(folder.File("one"), null, tensors);
        _ = folder.Write("other", "something else");
        SafetensorsWriter.Write(folder.File("other"), null, tensors.Reverse());
        Assert.Equal(File.ReadAllBytes(folder.File("one")), File.ReadAllBytes(folder.File("other")));
        Assert.Equal(2, Directory.GetFiles(folder.Path).Length);
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        using TemporaryFolder folder = new();
        Prop.ForAll<NonNull<string>, float[]>((name, data) =>
        {
            // Half surrogate pairs cannot be written in UTF-8.
            string safe = new([.. name.Get.Where(c => !char.IsSurrogate(c))]);
            string path = folder.File("any.safetensors");
            Dictionary<string, string> metadata = new() { [safe] = safe };
            SafetensorsWriter.Write(path, metadata, [(safe, [data.Length], data)]);
            using SafetensorsFile file = SafetensorsFile.Open(path);
            Assert.Equal(data, file.ReadFloats(safe));
            Assert.Equal(safe, file.Metadata[safe]);
        }).Holds();
    }

    [Fact]
    public void Data_longer_than_one_piece_is_whole()
    {
        using TemporaryFolder folder = new();
        float[] data = [.. Enumerable.Range(0, (1 << 20) + 3).Select(i => (float)i)];
        SafetensorsWriter.Write(folder.File("long"), null, [("x", [data.Length], data)]);
        using SafetensorsFile file = SafetensorsFile.Open(folder.File("long"));
        Assert.Equal(data, file.ReadFloats("x"));
    }

    [Fact]
    public void Raw_bytes_of_any_dtype_are_written()
    {
        using TemporaryFolder folder = new();
        SafetensorsWriter.Write(folder.File("raw"), null,
            [("x", "BF16", [2], (ReadOnlyMemory<byte>)new byte[] { 0x80, 0x3F, 0, 0xC0 })]);
        using SafetensorsFile file = SafetensorsFile.Open(folder.File("raw"));
        Assert.Equal("BF16", file["x"].DType);
        Assert.Equal([1f, -2f], file.ReadFloats("x"));
    }

    [Fact]
    public void Tensors_that_contradict_themselves_are_the_caller_s_fault()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("x");
        _ = Assert.Throws<ArgumentException>(() => Write(("x", [2], [1f])));
        _ = Assert.Throws<ArgumentException>(() => Write(("x", [-1], [])));
        _ = Assert.Throws<ArgumentException>(() => Write(("x", [1], [1f]), ("x", [1], [1f])));
        _ = Assert.Throws<ArgumentException>(() => Write(("__metadata__", [1], [1f])));
        _ = Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(path, null,
            [("x", "Q4", [1], (ReadOnlyMemory<byte>)new byte[] { 1 })]));
        Assert.Empty(Directory.GetFiles(folder.Path));

        void Write(params (string, long[], float[])[] tensors) => SafetensorsWriter.Write(path, null, tensors);
    }

    [Fact]
    public void A_place_that_cannot_be_written_is_refused_and_nothing_is_left_over()
    {
        using TemporaryFolder folder = new();
        string taken = folder.File("taken");
        _ = Directory.CreateDirectory(taken);
        Refusal.AssertThrows(taken, "cannot be written", () => Write(taken));
        Assert.Empty(Directory.GetFiles(folder.Path));
        string file = folder.File("file");
        File.WriteAllText(file, "");
        string below = Path.Combine(file, "x.safetensors");
        Refusal.AssertThrows(below, "cannot be written", () => Write(below));

        static object Write(string path)
        {
            SafetensorsWriter.Write(path, null, [("x", [1L], [1f])]);
            return path;
        }
    }
}
