using System.Text;
using MoA.Engine;
using MoA.Evaluation.Alpaca;
using MoA.Evaluation.Data;
using MoA.Evaluation.LongBench;
using MoA.Evaluation.LvEval;
using MoA.Evaluation.Retrieval;

namespace MoA.Evaluation.Tests.Data;

public sealed class DataLineTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("moa-data-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("", "1: the line is empty; expected one JSON object a line")]
    [InlineData("[1]", "1: the line is no JSON object (an array of 1)")]
    [InlineData("{\"a\":", "1: not valid JSON")]
    [InlineData("{\"context\":\"c\",\"answers\":[\"a\"]}", "1: \"input\" is missing; expected text")]
    [InlineData("{\"input\":7,\"context\":\"c\",\"answers\":[\"a\"]}", "1: \"input\" is the number 7; expected text")]
    [InlineData("{\"input\":\"\\ud800\",\"context\":\"c\",\"answers\":[\"a\"]}", "1: \"input\" is not valid Unicode")]
    [InlineData("{\"input\":\"i\",\"context\":\"c\",\"answers\":[]}", "1: \"answers\" is an array of 0; expected an array of at least one text")]
    [InlineData("{\"input\":\"i\",\"context\":\"c\",\"answers\":\"a\"}", "1: \"answers\" is text; expected")]
    [InlineData("{\"input\":\"i\",\"context\":\"c\",\"answers\":[null]}", "1: \"answers\" is an array of 1; expected text")]
    [InlineData("{\"input\":\"i\",\"context\":\"c\",\"answers\":[\"a\"],\"length\":-1}", "1: \"length\" is the number -1; expected a whole number")]
    [InlineData("{\"input\":\"i\",\"context\":\"c\",\"answers\":[\"a\"],\"length\":1e400}", "1: \"length\" is the number 1e400; expected")]
    [InlineData("{\"input\":\"i\",\"context\":\"c\",\"answers\":[\"a\"],\"all_classes\":{}}", "1: \"all_classes\" is an object; expected an array of texts")]
    public void A_bad_line_is_named(string line, string expected)
    {
        string path = SampleFiles.Write(_folder, "x.jsonl", line, "{\"input\":\"i\",\"context\":\"c\",\"answers\":[\"a\"]}");
        string message = Assert.Throws<InvalidInputException>(() => ReadLongBench(path)).Message;
        Assert.StartsWith($"{path}:{expected}", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Every_mutation_of_every_format_is_read_or_refused_with_one_line_that_names_the_place()
    {
        (byte[] Line, Action<string> Read)[] formats =
        [
            (Bytes(SampleFiles.LongBench("in", "con \u4e2d text", ["a", "b"], 12, ["x", "y"])), ReadLongBench),
            (Bytes(SampleFiles.LvEval("in", "context", "answer", "key")), path => ReadAll(path, line => _ = LvEvalTask.Reference(line))),
            (Bytes("""{"question":"What is in line a-b?","value":17,"num_lines":20,"key_id":3}"""), path => ReadAll(path, line => _ = RetrievalFile.Parse(line))),
            (Bytes("""{"random_idx":["a-b",3],"expected_number":17,"num_lines":20,"correct_line":"x","prompt":"p"}"""), path => ReadAll(path, line => _ = RetrievalFile.Parse(line))),
            (Bytes("""[{"instruction":"Say hello.","output":"Hello.","generator":"g","dataset":"d"}]"""), path => _ = AlpacaTask.Parse(new DataFile(path))),
        ];
        Random random = new(5);
        int refused = 0;
        string path = Path.Combine(_folder, "m.jsonl");
        for (int i = 0; i < 10_000; i++)
        {
            (byte[] line, Action<string> read) = formats[i % formats.Length];
            File.WriteAllBytes(path, Mutate(line, random));
            try
            {
                read(path);
            }
            catch (InvalidInputException failure)
            {
                refused++;
                Assert.StartsWith(path, failure.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', failure.Message);
            }
        }

        Assert.InRange(refused, 3000, 9990);
    }

    private static void ReadLongBench(string path) => ReadAll(path, line =>
    {
        _ = LongBenchTask.Reference(line, extended: false);
        _ = line.Text("context") + line.Text("input");
    });

    private static void ReadAll(string path, Action<DataLine> read)
    {
        foreach (DataLine line in DataLine.Read(new DataFile(path)))
            read(line);
    }

    private static byte[] Mutate(byte[] line, Random random)
    {
        List<byte> bytes = [.. line];
        for (int edits = random.Next(1, 4); edits > 0 && bytes.Count > 0; edits--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveAt(at);
                    break;
                case 2:
                    bytes.InsertRange(at, "{}[]\",:\\u\n-0e9nulltrue\0 \t~"u8.ToArray().AsSpan(random.Next(10), random.Next(1, 8)).ToArray());
                    break;
                case 3:
                    bytes.RemoveRange(at, random.Next(bytes.Count - at));
                    break;
                case 4:
                    bytes.InsertRange(at, line.AsSpan(random.Next(line.Length)).ToArray());
                    break;
                default:
                    bytes[at] = "0123456789\"}{]["u8[random.Next(15)];
                    break;
            }
        }

        return [.. bytes];
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text + "\n");
}
