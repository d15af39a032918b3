using System.Text;
using MoA.Engine.Files;
using MoA.Engine.Tests.Models.Loading;

namespace MoA.Engine.Tests.Files;

/// <summary>Files from outside are read whole or refused in one line; one JSON reader holds one set of rules.</summary>
public sealed class InputFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_wrong_is_said_with_what_to_do()
    {
        Refusal.AssertThrows(_folder.File("none"), "there is no such file; look elsewhere", () => InputFile.ReadText(_folder.File("none"), "look elsewhere"));
        Refusal.AssertThrows(_folder.File("a/b"), "there is no such file", () => InputFile.ReadBytes(_folder.File("a/b")));
        Refusal.AssertThrows(_folder.Path, "is a folder; expected a file", () => InputFile.Open(_folder.Path));
        Refusal.AssertThrows("\"\"", "the path is empty; expected a file", () => InputFile.ReadText(""));
        Refusal.AssertThrows("a b", "cannot be read (", () => InputFile.ReadText("a\0b"));
        string long_ = _folder.Write("long", "12345");
        Refusal.AssertThrows(long_, "has 5 bytes; expected at most 4", () => InputFile.ReadBytes(long_, longest: 4));
    }

    [Fact]
    public void Texts_are_read_by_their_byte_order_mark()
    {
        foreach (Encoding encoding in new[] { Encoding.UTF8, Encoding.Unicode, new UTF8Encoding(false) })
        {
            File.WriteAllText(_folder.File("text"), "grün\r\nblau\n", encoding);
            Assert.Equal("grün\r\nblau\n", InputFile.ReadText(_folder.File("text")));
            Assert.Equal(["grün", "blau"], InputFile.ReadLines(_folder.File("text")));
        }
    }

    /// <summary>Files of /proc say that they have no bytes, and pipes have no length.</summary>
    [Fact]
    public void A_file_is_read_to_its_end_whatever_length_it_claims()
    {
        if (!OperatingSystem.IsLinux())
            return;
        Assert.Equal(File.ReadAllText("/proc/self/status").Split('\n')[0], InputFile.ReadLines("/proc/self/status").First());
    }

    [Theory]
    [InlineData("\uFEFF{\"a\": 1}", null)]
    [InlineData("{\"a\": 1.0}", null)]
    [InlineData("{\"a\": 1, \"a\": 2}", "not valid JSON")]
    [InlineData("{\"a\": 1, \"\\u0061\": 2}", "not valid JSON")]
    [InlineData("{\"b\\ud800\": 1, \"a\": 1}", "not valid JSON")]
    [InlineData("{\"a\": 1", "not valid JSON")]
    [InlineData("", "not valid JSON")]
    [InlineData("[1]", "the file is a list; expected an object")]
    [InlineData("{}", "\"a\" is missing; expected a whole number from 0 to 5")]
    [InlineData("{\"a\": 1.5}", "\"a\" is 1.5; expected a whole number from 0 to 5")]
    [InlineData("{\"a\": -1}", "\"a\" is -1; expected a whole number from 0 to 5")]
    [InlineData("{\"a\": {}}", "\"a\" is an object; expected a whole number from 0 to 5")]
    public void Json_is_read_by_one_set_of_rules(string text, string? problem)
    {
        string path = _folder.Write("x.json", Encoding.UTF8.GetBytes(text));
        if (problem is null)
            Assert.Equal(1, Read());
        else
            Refusal.AssertThrows(path, problem, () => Read());

        int Read() => JsonField.ReadFile(path, root => root["a"].AsInteger(0, 5));
    }

    [Fact]
    public void A_string_that_is_no_text_is_named()
    {
        string path = _folder.Write("x.json", "{\"a\": {\"b\": [\"x\", \"\\ud800\"]}}");
        Refusal.AssertThrows(path, "a.b[1]: not valid JSON", () => JsonField.ReadFile(path, root => root["a"]["b"].Items().Select(item => item.AsString()).ToArray()));
        path = _folder.Write("y.json", [.. "{\"a\": {\"b"u8, 0xC3, .. "\": 1}}"u8]);
        Refusal.AssertThrows(path, "a: not valid JSON", () => JsonField.ReadFile(path, root => root["a"].Fields().ToArray()));
    }
}
