using MoA.Engine;

namespace MoA.Server;

/// <summary>How a model is put behind HTTP.</summary>
public sealed record ServerOptions
{
    // As long as timers can wait, and a little less.
    private static readonly TimeSpan LongestTime = TimeSpan.FromDays(20);

    /// <summary>The address to listen at: <c>localhost</c>, an IP address, or <c>*</c> for all. Beyond loopback <see cref="ApiKey"/> is required.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>The port; 0 takes a free one.</summary>
    public int Port { get; init; } = 8080;

    /// <summary>What callers must show (<c>Authorization: Bearer KEY</c> or <c>x-api-key: KEY</c>); null: nothing, on loopback only.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Names that requests may call the model by besides its own; the first is the one that answers give.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>Host names that a server on loopback may be called by besides <c>localhost</c> and loopback addresses, without ports.</summary>
    public IReadOnlyList<string> AllowedHosts { get; init; } = [];

    /// <summary>Origins of web pages that may read answers (CORS), as in <c>https://chat.example.org</c>; <c>*</c>: any. Empty: none.</summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    /// <summary>Seed of requests that bring none; null: another for each.</summary>
    public ulong? Seed { get; init; }

    /// <summary>Most bytes of a request's body.</summary>
    public long MaxBodyBytes { get; init; } = 16 << 20;

    /// <summary>Most requests for texts that are dealt with at one time, their readers included; more get status 429.</summary>
    public int MaxConcurrentRequests { get; init; } = 512;

    /// <summary>How long a request may take in all.</summary>
    public TimeSpan LongestRequest { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long a caller may leave what was sent unread before the connection is cut.</summary>
    public TimeSpan LongestStall { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a stream may be silent before a ping is sent, so that nobody takes it for dead while a long prompt is read.</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long requests may go on when the server is told to stop.</summary>
    public TimeSpan LongestStop { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Is told, in one line, of what went wrong inside; null: nobody is.</summary>
    public Action<string>? Log { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="InvalidInputException">A value is out of range.</exception>
    public void Check()
    {
        Require(Port is >= 0 and <= 65535, "port", Port, "a number from 0 to 65535, 0 for a free one");
        Require(ApiKey is null || !string.IsNullOrWhiteSpace(ApiKey), "API key", "of blanks", "a key, or none");
        Require(MaxBodyBytes >= 1, "largest body", MaxBodyBytes, "at least one byte");
        Require(MaxConcurrentRequests >= 1, "concurrent requests", MaxConcurrentRequests, "at least 1");
        foreach ((string name, TimeSpan time) in (ReadOnlySpan<(string, TimeSpan)>)
            [("longest request", LongestRequest), ("longest stall", LongestStall), ("ping interval", PingInterval), ("longest stop", LongestStop)])
        {
            Require(time > TimeSpan.Zero && time <= LongestTime, name, time, $"more than nothing, at most {LongestTime.TotalDays} days");
        }
    }

    private static void Require(bool holds, string name, object value, string expected)
    {
        if (!holds)
            throw new InvalidInputException(FormattableString.Invariant($"{name} {value}: expected {expected}"));
    }
}
