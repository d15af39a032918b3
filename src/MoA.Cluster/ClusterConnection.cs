using System.Net;
using MoA.Engine;
using Npgsql;

namespace MoA.Cluster;

/// <summary>
/// Where the members of a cluster find each other, as <c>--cluster</c> says it: a PostgreSQL database, or a port of this machine for trying out,
/// at which the first member listens and keeps the list in its memory.
/// </summary>
internal sealed class ClusterConnection
{
    /// <summary>The port of <c>localhost</c> alone.</summary>
    public const int DefaultLocalPort = 11111;

    private const string Expected =
        "expected localhost[:PORT] to try it out on this machine, or a PostgreSQL database as postgresql://USER@HOST/DATABASE or Host=HOST;Username=USER;Database=DATABASE";

    private ClusterConnection(string? database, int localPort)
    {
        Database = database;
        LocalPort = localPort;
    }

    /// <summary>Connection string of the database; null for a cluster of this machine only.</summary>
    public string? Database { get; }

    /// <summary>Without a database: the port of the member that keeps the list. Clients come in at the next one.</summary>
    public int LocalPort { get; }

    /// <summary>The same in words that hold no password.</summary>
    public string Description
    {
        get
        {
            if (Database is null)
                return $"localhost:{LocalPort}";
            NpgsqlConnectionStringBuilder parts = new(Database);
            return $"{parts.Host}:{parts.Port}/{parts.Database}";
        }
    }

    /// <summary>Reads the value of <c>--cluster</c>.</summary>
    /// <exception cref="InvalidInputException">It is neither; the message repeats nothing that may be a password.</exception>
    public static ClusterConnection Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = text.Trim();
        if (text.StartsWith("postgres://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("postgresql://", StringComparison.OrdinalIgnoreCase))
            return new ClusterConnection(FromUri(text), 0);
        if (text.Contains('='))
            return new ClusterConnection(Check(() => new NpgsqlConnectionStringBuilder(text)), 0);
        return new ClusterConnection(null, LocalPortOf(text));
    }

    private static int LocalPortOf(string text)
    {
        string[] parts = text.Split(':');
        if (parts.Length > 2 || parts[0] is not ("localhost" or "127.0.0.1"))
            throw new InvalidInputException($"--cluster: {Expected}");
        if (parts.Length == 1)
            return DefaultLocalPort;
        return NumberText.TryWhole(parts[1], out int port) && port is > 0 and < IPEndPoint.MaxPort
            ? port
            : throw new InvalidInputException($"--cluster {text}: expected a port from 1 to {IPEndPoint.MaxPort - 1}");
    }

    private static string FromUri(string text) => Check(() =>
    {
        Uri uri = new(text);
        NpgsqlConnectionStringBuilder parts = new() { Host = uri.Host, Database = Uri.UnescapeDataString(uri.AbsolutePath.TrimStart('/')) };
        if (uri.Port > 0)
            parts.Port = uri.Port;
        string[] user = uri.UserInfo.Split(':', 2);
        if (user[0].Length > 0)
            parts.Username = Uri.UnescapeDataString(user[0]);
        if (user.Length > 1)
            parts.Password = Uri.UnescapeDataString(user[1]);
        foreach (string option in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] pair = option.Split('=', 2);
            // libpq's name and values: verify-full is VerifyFull.
            string name = pair[0] == "sslmode" ? "SSL Mode" : pair[0];
            parts[name] = Uri.UnescapeDataString(pair.Length > 1 ? pair[1] : "").Replace("-", "", StringComparison.Ordinal);
        }

        return parts;
    });

    private static string Check(Func<NpgsqlConnectionStringBuilder> read)
    {
        NpgsqlConnectionStringBuilder parts;
        try
        {
            parts = read();
        }
        catch (Exception failure) when (failure is ArgumentException or FormatException or KeyNotFoundException or InvalidCastException or OverflowException)
        {
            throw new InvalidInputException($"--cluster: not a database that can be read; {Expected}", failure);
        }

        if (string.IsNullOrEmpty(parts.Host) || string.IsNullOrEmpty(parts.Database))
            throw new InvalidInputException($"--cluster: host and database must be named; {Expected}");
        parts.ApplicationName ??= "moa";
        return parts.ConnectionString;
    }
}
