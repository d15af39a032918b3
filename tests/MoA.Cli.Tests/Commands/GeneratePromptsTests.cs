using System.Text.Json;

namespace MoA.Tests.Commands;

/// <summary><c>moa generate --prompts</c>: many prompts of the demo model, whose answers are known.</summary>
public sealed class GeneratePromptsTests
{
    private static readonly (string Line, int Number)[] Facts =
        [.. new[] { "blunt-otter", "tidy-lake", "calm-river", "brave-stone" }.Select((line, i) => (line, 40893 - 1111 * i))];

    [Fact]
    public void Results_stand_in_the_order_of_the_prompts()
    {
        using TemporaryFolder folder = new();
        // Prompts of many lengths, some with few tokens: they end in another order than they stand in.
        string[] lines = [.. Enumerable.Range(0, 30).Select(i =>
            $"{{\"id\":\"q{i}\",{(i % 2 == 0 ? $"\"prompt\":{Question(i)}" : $"\"messages\":[{{\"role\":\"user\",\"content\":{Question(i)}}}]")}" +
            $"{(i % 5 == 2 ? ",\"maxNewTokens\":3" : "")}}}")];
        string prompts = folder.Write("prompts.jsonl", string.Join("\r\n", lines) + "\r\n\r\n");
        JsonElement summary = Invocation.Json("generate", "--prompts", prompts, "--out", folder["results.jsonl"], "-n", "40");
        Assert.Equal((30, 0), (summary.GetProperty("prompts").GetInt32(), summary.GetProperty("finishedBefore").GetInt32()));
        JsonElement[] results = Read(folder["results.jsonl"]);
        Assert.Equal(Enumerable.Range(0, 30).Select(i => $"q{i}"), results.Select(result => result.GetProperty("id").GetString()));
        for (int i = 0; i < 30; i++)
        {
            (string line, int number) = Facts[i % 4];
            string answer = $"The <REGISTER_CONTENT> in line {line} is <{number}>.", text = results[i].GetProperty("text").GetString()!;
            if (i % 5 == 2)
            {
                Assert.StartsWith(text, answer, StringComparison.Ordinal);
                Assert.Equal(("length", 3), (results[i].GetProperty("finishReason").GetString(), results[i].GetProperty("tokens").GetArrayLength()));
                continue;
            }

            Assert.Equal((answer, "stop"), (text, results[i].GetProperty("finishReason").GetString()));
            // Keys and values of 4 layers of 8 heads of 32 BF16 numbers, for prompt and 40 new tokens in blocks of 64.
            int rows = (results[i].GetProperty("promptTokens").GetInt32() + 40 + 63) / 64 * 64;
            Assert.Equal(2L * 4 * 8 * 32 * 2 * rows, results[i].GetProperty("kvBytes").GetInt64());
        }
    }

    [Fact]
    public void A_run_that_was_interrupted_goes_on()
    {
        using TemporaryFolder folder = new();
        string prompts = folder.Write("prompts.jsonl", string.Join('\n', Enumerable.Range(0, 12).Select(i => $"{{\"prompt\":{Question(i)}}}")));
        string[] whole = Run(folder["whole.jsonl"]);
        Assert.Equal(Enumerable.Range(1, 12), whole.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("id").GetInt32()));

        // As a kill leaves it: finished ones in the order of their ends, and a line that is cut off.
        string results = folder.Write("results.jsonl", $"{whole[7]}\n{whole[2]}\n{whole[4][..40]}");
        Assert.Equal(2, Invocation.Json("generate", "--prompts", prompts, "--out", results, "-n", "40").GetProperty("finishedBefore").GetInt32());
        Assert.Equal(whole, File.ReadAllLines(results));
        Assert.Equal(12, Invocation.Json("generate", "--prompts", prompts, "--out", results, "-n", "40").GetProperty("finishedBefore").GetInt32());

        // Another setting's results, and what is no result at all, are not touched.
        byte[] content = File.ReadAllBytes(results);
        foreach (string[] other in new string[][] { ["-n", "39"], ["-n", "40", "--kv", "f32"], ["-n", "40", "--system", "x"], ["-n", "40", "--stop", "x"] })
        {
            Invocation.Of(["generate", "--prompts", prompts, "--out", results, .. other])
                .AssertRefused("results.jsonl:1", "another prompt, model or setting", "--out");
        }

        Assert.Equal(content, File.ReadAllBytes(results));
        foreach (string mine in new[] { "notes", "notes\n", "{\"a\":1}\n", "[1]\n" })
        {
            Invocation.Of("generate", "--prompts", prompts, "--out", folder.Write("mine.txt", mine)).AssertRefused("mine.txt:1", "is no result");
            Assert.Equal(mine, File.ReadAllText(folder["mine.txt"]));
        }

        string[] Run(string path)
        {
            Assert.Equal(0, Invocation.Of("generate", "--prompts", prompts, "--out", path, "-n", "40", "--quiet").ExitCode);
            return File.ReadAllLines(path);
        }
    }

    /// <summary>Killed at different moments and run again: the same results as at once.</summary>
    [Fact]
    public void A_run_that_was_killed_keeps_what_was_finished()
    {
        using TemporaryFolder folder = new();
        string prompts = folder.Write("prompts.jsonl", string.Join('\n', Enumerable.Range(0, 300).Select(i => $"{{\"prompt\":{Question(i)}}}")));
        string results = folder["results.jsonl"];
        string[] command = ["generate", "--prompts", prompts, "--out", results, "-n", "40", "--kv-memory", "4MiB"];
        foreach (int signal in new[] { ChildProcess.Kill, ChildProcess.Terminate })
        {
            long before = File.Exists(results) ? new FileInfo(results).Length : 0;
            using ChildProcess child = ChildProcess.Start(command);
            while (!File.Exists(results) || new FileInfo(results).Length <= before + 400)
                Thread.Sleep(5);
            child.Signal(signal);
            Invocation run = child.WaitForEnd();
            if (signal == ChildProcess.Terminate)
            {
                Assert.Equal(130, run.ExitCode);
                Assert.Contains("what was finished is kept", run.Error, StringComparison.Ordinal);
            }
        }

        JsonElement summary = Invocation.Json(command);
        Assert.InRange(summary.GetProperty("finishedBefore").GetInt32(), 2, 299);
        JsonElement[] all = Read(results);
        Assert.Equal(Enumerable.Range(1, 300), all.Select(result => result.GetProperty("id").GetInt32()));
        Assert.All(all, result => Assert.Contains(
            $"<{Facts[(result.GetProperty("id").GetInt32() - 1) % 4].Number}>", result.GetProperty("text").GetString(), StringComparison.Ordinal));
    }

    public static TheoryData<string, string> BadLines => new()
    {
        { "{\"text\":\"a\"}", "\"prompt\" or \"messages\"" },
        { "{\"prompt\":\"a\",\"messages\":[]}", "\"prompt\" or \"messages\"" },
        { "{\"prompt\":5}", "\"prompt\"" },
        { "{\"prompt\":\"\"}", "no text" },
        { "{\"messages\":[]}", "\"messages\"" },
        { "{\"messages\":[{\"role\":\"king\",\"content\":\"a\"}]}", "\"role\"" },
        { "{\"messages\":[{\"role\":\"user\"}]}", "\"content\"" },
        { "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]}", "assistant's" },
        { "{\"prompt\":\"a\",\"maxNewTokens\":0}", "\"maxNewTokens\"" },
        { "{\"prompt\":\"a\",\"maxNewTokens\":1.5}", "\"maxNewTokens\"" },
        { "{\"prompt\":\"a\",\"id\":[]}", "\"id\"" },
        { "{\"prompt\":\"a\",\"id\":\"first\"}", "\"first\" stands at" },
        { "nonsense", "not valid JSON" },
    };

    [Theory]
    [MemberData(nameof(BadLines))]
    public void A_bad_line_is_named_before_anything_is_run(string line, string words)
    {
        using TemporaryFolder folder = new();
        string prompts = folder.Write("prompts.jsonl", $"\uFEFF{{\"prompt\":\"a\",\"id\":\"first\"}}\n{line}\n");
        Invocation.Of("generate", "--prompts", prompts, "--out", folder["results.jsonl"]).AssertRefused("prompts.jsonl:2", words);
        Assert.Equal(["prompts.jsonl"], folder.Names().Select(Path.GetFileName));
    }

    [Fact]
    public void Keys_without_a_meaning_are_named()
    {
        using TemporaryFolder folder = new();
        string prompts = folder.Write("prompts.jsonl", "{\"prompt\":\"a\",\"max_tokens\":5}\n{\"prompt\":\"b\",\"max_tokens\":5}\n");
        Invocation run = Invocation.Of("generate", "--prompts", prompts, "--out", folder["results.jsonl"], "-n", "2");
        Assert.Equal(0, run.ExitCode);
        Assert.Single(run.Error.Split('\n'), line => line.Contains("\"max_tokens\" is passed over", StringComparison.Ordinal));
    }

    /// <summary>Every prompt draws numbers of its own; the largest number of tokens is what the context leaves.</summary>
    [Fact]
    public void Equal_prompts_are_drawn_apart_and_again_the_same()
    {
        using TemporaryFolder folder = new();
        string prompts = folder.Write(
            "prompts.jsonl", string.Concat(Enumerable.Repeat("{\"prompt\":\"The king\",\"maxNewTokens\":2147483647}\n", 4)));
        string[] options = ["--template", "off", "--temperature", "2", "--seed", "5", "--logprobs", "0", "--quiet"];
        Assert.Equal(0, Invocation.Of(["generate", "--prompts", prompts, "--out", folder["a.jsonl"], .. options]).ExitCode);
        Assert.Equal(0, Invocation.Of(["generate", "--prompts", prompts, "--out", folder["b.jsonl"], .. options, "--threads", "1"]).ExitCode);
        Assert.Equal(File.ReadAllLines(folder["a.jsonl"]), File.ReadAllLines(folder["b.jsonl"]));
        JsonElement[] results = Read(folder["a.jsonl"]);
        Assert.Equal(4, results.Select(result => result.GetProperty("text").GetString()).Distinct().Count());
        Assert.All(results, result => Assert.Equal(
            result.GetProperty("tokens").GetArrayLength(), result.GetProperty("logProbabilities").GetArrayLength()));
        Assert.All(results, result => Assert.Equal(2L * 4 * 8 * 32 * 2 * 4096, result.GetProperty("kvBytes").GetInt64()));
    }

    [Theory]
    [InlineData("generate --prompts p.jsonl", "--out", "go together")]
    [InlineData("generate --out r.jsonl hi", "--out belongs to --prompts")]
    [InlineData("generate hi --prompts p.jsonl --out r.jsonl", "given twice")]
    [InlineData("generate hi --logprobs 3", "add --json")]
    [InlineData("generate hi --json --logprobs 1001", "--logprobs 1001")]
    [InlineData("generate --prompts p.jsonl --out r.jsonl --kv-memory much", "--kv-memory much")]
    [InlineData("generate --prompts p.jsonl --out ./p.jsonl", "is the file of the prompts")]
    [InlineData("generate --prompts p.jsonl --out r.jsonl", "p.jsonl")]
    public void Options_that_do_not_fit_are_named(string line, params string[] words) => Invocation.Of(line.Split(' ')).AssertRefused(words);

    private static JsonElement[] Read(string path) => [.. File.ReadAllLines(path).Select(line => JsonDocument.Parse(line).RootElement.Clone())];

    // A record of all facts, made longer so that prompts have many lengths, and a question, as a JSON string.
    private static string Question(int index)
    {
        string further = string.Concat(Enumerable.Range(0, index % 7).Select(i => $"line old-hill: REGISTER_CONTENT is <{10007 + 31 * i}>\n"));
        string text = "Below is a record of lines. Remember the REGISTER_CONTENT of each line.\n" + further +
            string.Concat(Facts.Select(fact => $"line {fact.Line}: REGISTER_CONTENT is <{fact.Number}>\n")) +
            $"What is the <REGISTER_CONTENT> in line {Facts[index % 4].Line}?";
        return $"\"{JsonEncodedText.Encode(text)}\"";
    }
}
