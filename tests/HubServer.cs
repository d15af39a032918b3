using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace MoA.Tests;

/// <summary>
/// A hub for tests: the list of a repository's files, and the files, large ones by a redirect to a storage server at another
/// address, as huggingface.co answers. What it answers can be changed, request by request.
/// </summary>
internal sealed class HubServer : IDisposable
{
    public const string Repository = "org/name";
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";
    public const string Token = "hf_SecretOfTheTests";

    private readonly TcpListener _hub = new(IPAddress.Loopback, 0), _storage = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private bool _isDisposed;

    public HubServer()
    {
        foreach (TcpListener listener in new[] { _hub, _storage })
        {
            listener.Start();
            _ = AcceptAsync(listener);
        }
    }

    public string Endpoint => $"http://127.0.0.1:{Port(_hub)}";

    /// <summary>Files kept in git, by name.</summary>
    public Dictionary<string, byte[]> Small { get; } = [];

    /// <summary>Files kept in the storage, by name.</summary>
    public Dictionary<string, byte[]> Large { get; } = [];

    public ConcurrentQueue<Request> Requests { get; } = [];

    /// <summary>Answers in place of the hub; null to let it answer.</summary>
    public Func<Request, Reply, Reply?>? Instead { get; set; }

    public static string Sha256Of(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    public static string GitHashOf(byte[] content)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1); // git's
        hash.AppendData(Encoding.ASCII.GetBytes($"blob {content.Length}\0"));
        hash.AppendData(content);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Bytes that differ from place to place.</summary>
    public static byte[] Content(int length, int seed)
    {
        byte[] content = new byte[length];
        new Random(seed).NextBytes(content);
        return content;
    }

    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        _end.Cancel();
        _hub.Dispose();
        _storage.Dispose();
        _end.Dispose();
    }

    private static int Port(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port;

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
                _ = ServeAsync(await listener.AcceptTcpClientAsync(_end.Token), listener == _storage);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // the test has ended
        }
    }

    private async Task ServeAsync(TcpClient client, bool isStorage)
    {
        try
        {
            using (client)
            using (NetworkStream stream = client.GetStream())
            {
                if (await ReadAsync(stream, isStorage) is not Request request)
                    return;
                Requests.Enqueue(request);
                Reply usual = isStorage ? FromStorage(request) : FromHub(request);
                Reply reply = Instead?.Invoke(request, usual) ?? usual;
                await WriteAsync(stream, request, reply);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // the client went away, or the test has ended
        }
    }

    private async Task<Request?> ReadAsync(NetworkStream stream, bool isStorage)
    {
        StringBuilder head = new();
        byte[] letter = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(letter, _end.Token) == 0)
                return null;
            _ = head.Append((char)letter[0]);
        }

        string[] lines = head.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries), words = lines[0].Split(' ');
        return new Request(words[0], words[1], isStorage, lines.Skip(1).Select(line => line.Split(": ", 2))
            .ToDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase));
    }

    private async Task WriteAsync(NetworkStream stream, Request request, Reply reply)
    {
        StringBuilder head = new($"HTTP/1.1 {reply.Status} Answer\r\nConnection: close\r\n");
        foreach ((string name, string value) in reply.Headers)
            _ = head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        if (!reply.Headers.Any(header => header.Name is "Content-Length" or "Transfer-Encoding"))
            _ = head.Append(CultureInfo.InvariantCulture, $"Content-Length: {reply.Body.Length}\r\n");
        await stream.WriteAsync(Encoding.UTF8.GetBytes(head.Append("\r\n").ToString()), _end.Token);
        if (request.Method == "HEAD")
            return;
        await stream.WriteAsync(reply.Body.AsMemory(0, Math.Min(reply.Body.Length, reply.CutAfter ?? int.MaxValue)), _end.Token);
        if (reply.Hangs)
            await Task.Delay(Timeout.Infinite, _end.Token);
    }

    private Reply FromHub(Request request)
    {
        string list = $"/api/models/{Repository}/revision/", file = $"/{Repository}/resolve/{Commit}/";
        if (request.Path is var path && (path == list + "main" || path == list + Commit))
        {
            return Reply.Of(JsonSerializer.Serialize(new
            {
                id = Repository,
                sha = Commit,
                siblings = Small.Keys.Concat(Large.Keys).Select(name => new { rfilename = name }),
            }));
        }

        if (!path.StartsWith(file, StringComparison.Ordinal))
            return Reply.Error(404, path.StartsWith(list, StringComparison.Ordinal) ? "RevisionNotFound" : "RepoNotFound");
        string name = Uri.UnescapeDataString(path[file.Length..]);
        (string, string) commit = ("X-Repo-Commit", Commit);
        if (Small.TryGetValue(name, out byte[]? small))
            return Part(request, small, commit, ("ETag", $"\"{GitHashOf(small)}\""));
        return Large.TryGetValue(name, out byte[]? large)
            ? new Reply(302, [], commit, ("X-Linked-Etag", $"\"{Sha256Of(large)}\""), ("X-Linked-Size", $"{large.Length}"),
                ("Location", $"http://127.0.0.1:{Port(_storage)}/blobs/{Sha256Of(large)}?Signature=x"))
            : Reply.Error(404, "EntryNotFound");
    }

    private Reply FromStorage(Request request) =>
        Large.Values.FirstOrDefault(content => request.Path.StartsWith($"/blobs/{Sha256Of(content)}?", StringComparison.Ordinal)) is byte[] content
            ? Part(request, content)
            : Reply.Error(403, null);

    private static Reply Part(Request request, byte[] content, params (string, string)[] headers)
    {
        if (request.Range is not int from)
            return new Reply(200, content, headers);
        return from < content.Length
            ? new Reply(206, content[from..], [.. headers, ("Content-Range", $"bytes {from}-{content.Length - 1}/{content.Length}")])
            : new Reply(416, [], ("Content-Range", $"bytes */{content.Length}"));
    }

    /// <summary>What was asked.</summary>
    public sealed record Request(string Method, string Path, bool IsStorage, IReadOnlyDictionary<string, string> Headers)
    {
        public string? Authorization => Headers.GetValueOrDefault("Authorization");

        /// <summary>The first byte that is asked for, if not all are.</summary>
        public int? Range => Headers.GetValueOrDefault("Range") is string range
            ? int.Parse(range.AsSpan("bytes=".Length).TrimEnd('-'), CultureInfo.InvariantCulture)
            : null;
    }

    /// <summary>What is answered.</summary>
    public sealed record Reply(int Status, byte[] Body, params (string Name, string Value)[] Headers)
    {
        /// <summary>The connection ends after so many bytes of the body.</summary>
        public int? CutAfter { get; init; }

        /// <summary>Nothing more comes after the body, and the connection stays.</summary>
        public bool Hangs { get; init; }

        public static Reply Of(string json) => new(200, Encoding.UTF8.GetBytes(json), ("Content-Type", "application/json"));

        public static Reply Error(int status, string? code, string message = "no") =>
            new(status, [], [.. code is null ? [] : new[] { ("X-Error-Code", code) }, ("X-Error-Message", message)]);
    }
}
