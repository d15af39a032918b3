using System.Text;
using MoA.Engine.Hub;
using MoA.Tests;
using static MoA.Tests.HubServer;

namespace MoA.Engine.Tests.Hub;

/// <summary>A hub that means harm, or speaks nonsense: one line each, and nothing outside the cache.</summary>
public sealed class HostileHubTests : IDisposable
{
    private readonly PullBench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData("../evil.json")]
    [InlineData("a/../../evil.json")]
    [InlineData("/tmp/evil.json")]
    [InlineData("a//evil.json")]
    [InlineData("./evil.json")]
    [InlineData("..\\evil.json")]
    [InlineData("c:evil.json")]
    [InlineData("evil\u0000.json")]
    [InlineData("evil\n.json")]
    [InlineData("evil\u202E\uD800.json")]
    [InlineData("NUL.json")]
    [InlineData("a /evil.json")]
    [InlineData("")]
    public void Names_that_lead_elsewhere(string name)
    {
        string before = Outside();
        _bench.Server.Instead = (request, usual) => request.Path.StartsWith("/api/", StringComparison.Ordinal)
            ? Reply.Of($"{{\"sha\":\"{Commit}\",\"siblings\":[{{\"rfilename\":{Escaped(name)}}}]}}") : usual;
        _ = _bench.Failure<InvalidInputException>(patterns: "*");
        Assert.Equal(before, Outside());
    }

    // The file's name counts as a folder of the next one's.
    [Fact]
    public void A_folder_that_is_a_link_is_not_followed()
    {
        string snapshot = Path.Combine(_bench.RepositoryFolder, "snapshots", Commit), elsewhere = Path.Combine(_bench.Outside, "elsewhere");
        _ = Directory.CreateDirectory(snapshot);
        _ = Directory.CreateDirectory(elsewhere);
        _ = Directory.CreateSymbolicLink(Path.Combine(snapshot, "sub"), elsewhere);
        _bench.Server.Small["sub/a.json"] = Content(9, 1);
        Assert.Contains("is a link", _bench.Failure<IOException>(patterns: "*"), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(elsewhere));
    }

    public static TheoryData<string> Answers => new()
    {
        "", "null", "[]", "1", "{", "{}", "\u0000", "{\"sha\":1,\"siblings\":[]}",
        "{\"sha\":\"../../x\",\"siblings\":[{\"rfilename\":\"config.json\"}]}", $"{{\"sha\":\"{Commit}\"}}", $"{{\"sha\":\"{Commit}\",\"siblings\":{{}}}}",
        $"{{\"sha\":\"{Commit}\",\"siblings\":[1]}}", $"{{\"sha\":\"{Commit}\",\"siblings\":[{{\"rfilename\":[]}}]}}", $"{{\"sha\":\"{Commit}\",\"siblings\":[]}}",
        $"{{\"sha\":\"{Commit}\",\"siblings\":[{{}}]}}", new string('[', 100_000), $"{{\"sha\":\"{Commit}\",\"sha\":\"{Commit}\",\"siblings\":[]}}",
        $"{{\"sha\":\"{Commit}\",\"siblings\":[{string.Join(',', Enumerable.Repeat("{\"rfilename\":\"a\"}", 200_001))}]}}",
        $"{{\"sha\":\"{Commit}\",\"siblings\":[{{\"rfilename\":\"\\ud800\"}}]}}",
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public void Lists_that_are_none(string answer)
    {
        _bench.Server.Instead = (_, _) => Reply.Of(answer);
        _ = _bench.Failure<InvalidInputException>();
        Assert.False(Directory.Exists(_bench.RepositoryFolder));
    }

    [Fact]
    public void An_answer_without_end()
    {
        _bench.Server.Instead = (_, _) => new Reply(200, new byte[40 << 20]);
        Assert.Contains("more than 33554432 bytes", _bench.Failure<InvalidInputException>(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ETag", "", "names the content \"\"")]
    [InlineData("ETag", "\"../../../evil\"", "names the content \"../../../evil\"")]
    [InlineData("ETag", "\"d41d8cd98f00b204e9800998ecf8427e\"", "expected 64 hexadecimal digits")]
    [InlineData("Content-Length", "-5", "")]
    [InlineData("X-Repo-Commit", "../x", "answers for the commit ../x")]
    [InlineData("X-Linked-Size", "-5", "says that the file has -5 bytes")]
    [InlineData("X-Linked-Size", "9223372036854775807", "says that the file has 9223372036854775807 bytes")]
    public void Headers_that_are_none(string header, string value, string problem)
    {
        _bench.Server.Instead = (request, usual) => request.Path.EndsWith("/tokenizer.json", StringComparison.Ordinal)
            ? usual with { Headers = [.. usual.Headers.Where(pair => pair.Name != header), (header, value)] } : null;
        Exception failure = Assert.ThrowsAny<Exception>(() => _bench.Pull());
        Assert.True(failure is InvalidInputException or IOException, failure.ToString());
        Assert.Contains(problem, failure.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// Thousands of answers with bytes changed, left out, doubled or put in, of the list, of headers and of contents: each ends well or in one
    /// line, and no file appears outside the cache or under a name that was not asked for.
    /// </summary>
    [Fact]
    public void Mutated_answers_do_no_harm()
    {
        const int cases = 3000;
        _bench.Server.Large["model.safetensors"] = Content(300, 2);
        _bench.Server.Small["tokenizer.json"] = Content(200, 1);
        string before = Outside();
        HubSettings settings = _bench.Settings with { FirstRetryDelay = TimeSpan.Zero, Patience = TimeSpan.FromSeconds(2) };
        int refused = 0;
        for (ulong run = 0; run < RandomProperty.Runs; run++)
        {
            Random random = new((int)(RandomProperty.FirstSeed + run));
            for (int i = 0; i < cases; i++)
            {
                int seed = random.Next(), count = 0;
                _bench.Server.Instead = (request, usual) => Mutate(usual, new Random(seed + Interlocked.Increment(ref count) / 4), request);
                try
                {
                    PulledModel model = _bench.Pull(settings: settings);
                    Assert.Equal(_bench.Server.Large["model.safetensors"], File.ReadAllBytes(Path.Combine(model.Folder, "model.safetensors")));
                }
                catch (Exception failure) when (failure is InvalidInputException or IOException)
                {
                    Assert.True(failure.Message.Length is > 10 and < 1000 && !failure.Message.Any(char.IsControl), $"seed {seed}: {failure.Message}");
                    refused++;
                }

                if (i % 100 == 0 && Directory.Exists(_bench.CacheFolder))
                    Directory.Delete(_bench.CacheFolder, recursive: true);
                _bench.Server.Requests.Clear();
            }
        }

        Assert.Equal(before, Outside());
        Assert.InRange(refused, cases / 10, cases * (int)RandomProperty.Runs - 1);
    }

    private static Reply Mutate(Reply usual, Random random, Request request) => random.Next(6) switch
    {
        0 when usual.Body.Length > 0 => usual with { Body = Mutate(usual.Body, random) },
        1 when usual.Headers.Length > 0 => usual with { Headers = [.. usual.Headers.Select(header => random.Next(3) > 0 ? header : (header.Name, Printable(header.Value, random)))] },
        2 when request.Method == "GET" => usual with { CutAfter = random.Next(usual.Body.Length + 1) },
        3 when random.Next(8) == 0 => usual with { Status = 100 * random.Next(2, 6) + random.Next(20) },
        _ => usual,
    };

    private static byte[] Mutate(byte[] body, Random random)
    {
        List<byte> bytes = [.. body];
        for (int changes = random.Next(1, 6); changes > 0 && bytes.Count > 0; changes--)
        {
            int at = random.Next(bytes.Count), length = Math.Min(random.Next(1, 20), bytes.Count - at);
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveRange(at, length);
                    break;
                case 2:
                    bytes.InsertRange(at, bytes.GetRange(at, length));
                    break;
                default:
                    bytes.InsertRange(at, Encoding.ASCII.GetBytes(new[] { "../", "/", "\"", "{", "[", "0", "-1", "null", "1e99", "\\u0000", "config.json" }[random.Next(11)]));
                    break;
            }
        }

        return [.. bytes];
    }

    private static string Printable(string text, Random random) =>
        new([.. Encoding.Latin1.GetString(Mutate(Encoding.Latin1.GetBytes(text + " "), random)).Where(letter => letter is >= ' ' and <= '~')]);

    private static string Escaped(string name) => $"\"{string.Concat(name.Select(letter => $"\\u{(int)letter:x4}"))}\"";

    // Everything beside the cache.
    private string Outside() => string.Join('\n', Directory.GetFileSystemEntries(_bench.Outside, "*", SearchOption.AllDirectories)
        .Where(path => !path.StartsWith(_bench.CacheFolder, StringComparison.Ordinal)).Order(StringComparer.Ordinal)
        .Concat(Directory.GetFileSystemEntries(Path.GetDirectoryName(_bench.Outside)!, "*evil*")));
}
