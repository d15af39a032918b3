using System.Text;
using FsCheck;
using FsCheck.Fluent;
using MoA.Engine;
using MoA.Engine.Tokenization;
using MoA.Search.Calibration;
using MoA.Tests;

namespace MoA.Search.Tests.Calibration;

public class ConversationFileTests
{
    private const string Good = """{"text":"good"}""";

    [Fact]
    public void Reads_the_three_kinds_and_their_labels()
    {
        CalibrationItem[] items = Parse("""
            {"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"2+2?"},{"role":"assistant","content":"4"}],"source":"hand","dataset":"sums","kind":"qa"}
            {"tokens":[5,0,7,9],"answers":[[1,2],[2,4]],"other":{"ignored":[1]}}
            {"tokens":[3,4],"source":null}
            {"text":"caf\u00e9 ☕"}
            """);

        Assert.Equal(4, items.Length);
        Assert.Equal(
            new MessagesItem([new(ChatRole.System, "Be brief."), new(ChatRole.User, "2+2?"), new(ChatRole.Assistant, "4")])
            {
                Source = "hand",
                Dataset = "sums",
                Kind = "qa",
            },
            items[0]);
        Assert.Equal(new TokensItem([5, 0, 7, 9], [new(1, 2), new(2, 4)]), items[1]);
        Assert.Equal(new TokensItem([3, 4], null), items[2]);
        Assert.Equal(new TextItem("café ☕"), items[3]);
        Assert.Equal("data.jsonl:4", items[3].Origin);
    }

    [Fact]
    public void Reads_longbench_lines_as_conversations()
    {
        CalibrationItem[] items = Parse("""
            {"input":"Who?","context":"Ann came.","answers":["Ann","She"],"length":2,"dataset":"qasper","language":"en","all_classes":null,"_id":"1"}
            {"input":"","context":"int x;","answers":[]}
            """);

        Assert.Equal(
            new MessagesItem([new(ChatRole.User, "Ann came.\n\nWho?"), new(ChatRole.Assistant, "Ann")]) { Dataset = "qasper" }, items[0]);
        Assert.Equal(new MessagesItem([new(ChatRole.User, "int x;")]), items[1]);
        Assert.False(items[1].HasAnswers);
    }

    [Fact]
    public void Accepts_a_byte_order_mark_and_crlf_and_a_missing_last_line_end()
    {
        byte[] bytes = [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes("{\"text\":\"a\"}\r\n{\"text\":\"b\"}")];
        Assert.Equal([new TextItem("a"), new TextItem("b")], ConversationFile.Read(new MemoryStream(bytes), "data.jsonl"));
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\n\n")]
    [InlineData("\r\n\r\n")]
    [InlineData("\n \t\r\n  ")]
    public void Empty_lines_at_the_end_are_no_items(string end)
    {
        Assert.Equal([new TextItem("good")], Parse(Good + end));
        Assert.Equal([new TextItem("good"), new TextItem("good")], Parse(Good + "\r\n" + Good + end));
        Assert.Contains(
            "data.jsonl: the file is empty", Assert.Throws<InvalidInputException>(() => Parse(end)).Message, StringComparison.Ordinal);
        Assert.Contains(
            "data.jsonl:2: the line is empty", Assert.Throws<InvalidInputException>(() => Parse($"{Good}\n\n\n{Good}{end}")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("   \t\r", "empty")]
    [InlineData("{\"text\":\"a\"", "not valid JSON")]
    [InlineData("{\"text\":\"a\",\"text\":\"b\"}", "not valid JSON")]
    [InlineData("not json", "not valid JSON")]
    [InlineData("[1,2]", "an array")]
    [InlineData("null", "null")]
    [InlineData("{}", "none of the keys")]
    [InlineData("{\"prompt\":\"a\"}", "none of the keys")]
    [InlineData("{\"input\":\"a\"}", "none of the keys")]
    [InlineData("{\"input\":\"\",\"context\":\"\"}", "both empty")]
    [InlineData("{\"input\":1,\"context\":\"\"}", "\"input\" is 1")]
    [InlineData("{\"input\":\"a\",\"context\":\"b\",\"answers\":[3]}", "the first answer is 3")]
    [InlineData("{\"text\":\"a\",\"tokens\":[1]}", "more than one")]
    [InlineData("{\"text\":7}", "\"text\" is 7")]
    [InlineData("{\"text\":\"\\ud800\"}", "not valid Unicode")]
    [InlineData("{\"text\":\"a\",\"source\":3}", "\"source\" is 3")]
    [InlineData("{\"messages\":{}}", "\"messages\" is an object")]
    [InlineData("{\"messages\":[]}", "conversation is empty")]
    [InlineData("{\"messages\":[3]}", "message 1 is 3")]
    [InlineData("{\"messages\":[{\"content\":\"a\"}]}", "message 1 has no \"role\"")]
    [InlineData("{\"messages\":[{\"role\":\"user\"}]}", "message 1 has no \"content\"")]
    [InlineData("{\"messages\":[{\"role\":\"user\",\"content\":null}]}", "the content of message 1 is null")]
    [InlineData("{\"messages\":[{\"role\":\"robot\\u000a\",\"content\":\"a\"}]}", "the role \"robot \"")]
    [InlineData("{\"tokens\":\"1 2\"}", "\"tokens\" is a string")]
    [InlineData("{\"tokens\":[]}", "no tokens")]
    [InlineData("{\"tokens\":[1,-2]}", "token 1 is -2")]
    [InlineData("{\"tokens\":[1.5]}", "token 0 is 1.5")]
    [InlineData("{\"tokens\":[99999999999]}", "token 0 is 99999999999")]
    [InlineData("{\"tokens\":[1,2],\"answers\":3}", "\"answers\" is 3")]
    [InlineData("{\"tokens\":[1,2],\"answers\":[1,2]}", "answer 1 is 1")]
    [InlineData("{\"tokens\":[1,2],\"answers\":[[1]]}", "answer 1 has 1 entries")]
    [InlineData("{\"tokens\":[1,2],\"answers\":[[1,\"2\"]]}", "the end of answer 1 is a string")]
    [InlineData("{\"tokens\":[1,2],\"answers\":[[1,3]]}", "[1,3] of 2 tokens")]
    [InlineData("{\"tokens\":[1,2],\"answers\":[[1,1]]}", "[1,1] of 2 tokens")]
    [InlineData("{\"tokens\":[1,2,3],\"answers\":[[2,3],[1,2]]}", "answer 2 starts at 1")]
    [InlineData("{\"tokens\":[1,2,3],\"answers\":[[0,2],[1,3]]}", "answer 2 starts at 1")]
    public void Refuses_a_bad_line_by_its_number(string bad, string said)
    {
        InvalidInputException failure = Assert.Throws<InvalidInputException>(() => Parse($"{Good}\n{Good}\n{bad}\n{Good}\n"));
        Assert.StartsWith("data.jsonl:3: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains(said, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Theory]
    [InlineData("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}")]
    [InlineData("{\"input\":\"a\",\"context\":\"b\",\"answers\":[]}")]
    [InlineData("{\"tokens\":[1,2],\"answers\":[]}")]
    [InlineData("{\"tokens\":[1,2],\"answers\":[[0,1]]}")]
    [InlineData("{\"tokens\":[1]}")]
    [InlineData("{\"text\":\"\"}")]
    public void Refuses_an_item_without_answers_where_they_are_demanded(string line)
    {
        Assert.Single(Parse(line));
        InvalidInputException failure = Assert.Throws<InvalidInputException>(() => Parse($"{Good}\n{line}\n", requireAnswers: true));
        Assert.StartsWith("data.jsonl:2: the item has no answer", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_bytes_that_are_not_utf8()
    {
        byte[] bytes = [.. "{\"text\":\"a"u8, 0xFF, .. "\"}"u8];
        InvalidInputException failure = Assert.Throws<InvalidInputException>(
            () => ConversationFile.Read(new MemoryStream(bytes), "data.jsonl").ToArray());
        Assert.StartsWith("data.jsonl:1: ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_deep_nesting_and_survives_long_lines()
    {
        string deep = string.Concat(Enumerable.Repeat("{\"text\":", 100_000));
        Assert.StartsWith("data.jsonl:1: not valid JSON", Assert.Throws<InvalidInputException>(() => Parse(deep)).Message, StringComparison.Ordinal);

        string text = new('x', 3_000_000);
        Assert.Equal([new TextItem(text), new TextItem("b")], Parse($"{{\"text\":\"{text}\"}}\n{{\"text\":\"b\"}}"));
    }

    [Fact]
    public void Refuses_a_line_longer_than_any_conversation()
    {
        byte[] endless = new byte[JsonLineReader.MaxLineBytes + 100];
        endless.AsSpan().Fill((byte)' ');
        InvalidInputException failure = Assert.Throws<InvalidInputException>(
            () => ConversationFile.Read(new MemoryStream(endless), "data.jsonl").ToArray());
        Assert.StartsWith("data.jsonl:1: the line is longer than 64 MiB", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_an_empty_and_a_missing_file()
    {
        Assert.Contains("data.jsonl: the file is empty", Assert.Throws<InvalidInputException>(() => Parse("")).Message, StringComparison.Ordinal);
        string missing = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName(), "none.jsonl");
        Assert.Contains(missing, Assert.Throws<InvalidInputException>(() => ConversationFile.Read(missing).ToArray()).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidInputException>(() => ConversationFile.Read("").ToArray());
    }

    [Fact]
    public void Reads_a_file_item_by_item()
    {
        using IEnumerator<CalibrationItem> items = ConversationFile.Read(Stream($"{Good}\nbad"), "data.jsonl").GetEnumerator();
        Assert.True(items.MoveNext());
        Assert.Throws<InvalidInputException>(() => items.MoveNext());
    }

    [Fact]
    public void Writes_what_it_reads_and_leaves_no_partial_file()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        string path = Path.Combine(folder, "new", "data.jsonl");
        CalibrationItem[] items = [new TextItem("a \"quoted\"\nline"), new TokensItem([1, 2], [new(1, 2)]) { Kind = "k" }];
        ConversationFile.Write(path, items);
        ConversationFile.Write(path, items);

        Assert.Equal(items, ConversationFile.Read(path));
        Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
        Assert.Equal("{\"tokens\":[1,2],\"answers\":[[1,2]],\"kind\":\"k\"}", File.ReadAllLines(path)[1]);
        Assert.Throws<InvalidInputException>(() => ConversationFile.Write(folder, items));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Any_items_survive_writing_and_reading() =>
        Prop.ForAll(Items().NonEmptyListOf().ToArbitrary(), items =>
        {
            using MemoryStream stream = new();
            foreach (CalibrationItem item in items)
                ConversationFile.WriteLine(stream, item);

            stream.Position = 0;
            return ConversationFile.Read(stream, "data.jsonl").SequenceEqual(items);
        }).Holds();

    [Fact]
    public void Any_text_gives_items_or_a_refusal()
    {
        // Pieces of the format in any order reach much further than random characters do.
        Gen<string> piece = Gen.Elements("{", "}", "[", "]", ",", ":", "\"messages\"", "\"tokens\"", "\"answers\"", "\"text\"", "\"role\"",
            "\"content\"", "\"user\"", "\"input\"", "\"context\"", "\"\\udc00\"", "{\"tokens\":[1,2,3],\"answers\":[[", "{\"messages\":[{\"role\":",
            "1", "-1", "2]]}", "1e999", "null", "\n", "\r\n", " ", "\u0000", "\uFEFF", "\"\"", "]}");
        Gen<string> text = Gen.OneOf(piece.ListOf().Select(string.Concat), ArbMap.Default.GeneratorFor<string>().Select(s => s ?? ""));
        Prop.ForAll(text.ToArbitrary(), s =>
        {
            try
            {
                return Parse(s).Length > 0;
            }
            catch (InvalidInputException refusal)
            {
                return refusal.Message.StartsWith("data.jsonl:", StringComparison.Ordinal) && !refusal.Message.Contains('\n', StringComparison.Ordinal);
            }
        }).Holds(2000);
    }

    private static Gen<CalibrationItem> Items()
    {
        Gen<string> text = Gen.Elements("a", "é", "☕", "😀", "\n", "\"", "\\", "\u0001", "\u2028", "<|eos|>", " ").NonEmptyListOf().Select(string.Concat);
        Gen<string?> label = Gen.OneOf(Gen.Constant<string?>(null), text.Select(t => (string?)t));
        Gen<CalibrationItem> messages =
            from list in Gen.Elements("system", "user", "assistant").SelectMany(role => text.Select(content => new ChatMessage(new ChatRole(role), content))).NonEmptyListOf()
            select (CalibrationItem)new MessagesItem(list);
        Gen<CalibrationItem> tokens =
            from ids in Gen.Choose(0, int.MaxValue).NonEmptyListOf()
            from cuts in Gen.Choose(0, ids.Count).ListOf()
            select (CalibrationItem)new TokensItem(ids, cuts.Count == 0 ? null : Spans([.. cuts.Distinct().Order()]));
        return from item in Gen.OneOf(messages, tokens, text.Select(t => (CalibrationItem)new TextItem(t)))
               from source in label
               from dataset in label
               from kind in label
               select item with { Source = source, Dataset = dataset, Kind = kind };
    }

    private static AnswerSpan[] Spans(int[] cuts) => [.. Enumerable.Range(0, cuts.Length / 2).Select(i => new AnswerSpan(cuts[2 * i], cuts[2 * i + 1]))];

    private static MemoryStream Stream(string text) => new(Encoding.UTF8.GetBytes(text));

    private static CalibrationItem[] Parse(string text, bool requireAnswers = false) =>
        [.. ConversationFile.Read(Stream(text), "data.jsonl", requireAnswers)];
}
