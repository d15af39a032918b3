using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace MoA.Tests;

/// <summary>A PostgreSQL server of the tests' own, in a temporary folder; null where the program is not installed.</summary>
public sealed class PostgreSql : IDisposable
{
    private const string User = "moa";

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"moa-pg-{Guid.NewGuid():N}");
    private readonly string? _programs = Directory.Exists("/usr/lib/postgresql")
        ? Directory.GetDirectories("/usr/lib/postgresql").Order(StringComparer.Ordinal).Select(version => Path.Combine(version, "bin")).LastOrDefault(bin => File.Exists(Path.Combine(bin, "initdb")))
        : null;

    private readonly string _addresses;
    private int _databases;

    /// <summary>Starts it for this machine's loopback.</summary>
    public PostgreSql()
        : this("127.0.0.1")
    {
    }

    private PostgreSql(string addresses)
    {
        _addresses = addresses;
        if (_programs is null)
            return;
        _ = Directory.CreateDirectory(_folder);
        if (Environment.UserName == "root")
            Run("chown", ["postgres", _folder]);
        using (Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            Port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        }

        Postgres("initdb", "-D", Data, "-A", "trust", "-U", User, "-E", "UTF8", "--no-sync");
        File.AppendAllText(Path.Combine(Data, "pg_hba.conf"), "host all all samenet trust\n");
        Start();
    }

    /// <summary>Whether there is one. Where tests are to be complete (CI) there must be.</summary>
    public bool IsThere => _programs is not null ? true : Environment.GetEnvironmentVariable("CI") == "true"
        ? throw new InvalidOperationException("PostgreSQL is missing; .ci/run installs it")
        : false;

    /// <summary>Starts one that another network may reach as well.</summary>
    public static PostgreSql At(string address) => new($"127.0.0.1,{address}");

    /// <summary>Port that it listens at.</summary>
    public int Port { get; }

    private string Data => Path.Combine(_folder, "data");

    /// <summary>Starts a server that was stopped.</summary>
    public void Start() => Postgres(
        "pg_ctl", "-D", Data, "-w", "-l", Path.Combine(_folder, "log"), "-o", $"-p {Port} -c listen_addresses={_addresses} -k {_folder} -c fsync=off", "start");

    /// <summary>Stops it at once, connections or not.</summary>
    public void Stop() => Postgres("pg_ctl", "-D", Data, "-w", "-m", "immediate", "stop");

    /// <summary>A new database; its connection string.</summary>
    public string CreateDatabase()
    {
        string name = $"moa{Interlocked.Increment(ref _databases)}";
        using NpgsqlConnection connection = new($"Host=127.0.0.1;Port={Port};Username={User};Database=postgres;Pooling=false");
        connection.Open();
        using NpgsqlCommand command = new($"CREATE DATABASE {name}", connection);
        _ = command.ExecuteNonQuery();
        return $"postgresql://{User}@127.0.0.1:{Port}/{name}";
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_programs is null)
            return;
        if (File.Exists(Path.Combine(Data, "postmaster.pid")))
            Stop();
        Directory.Delete(_folder, recursive: true);
    }

    // The server refuses to run as root.
    private void Postgres(string program, params string[] arguments)
    {
        string path = Path.Combine(_programs!, program);
        if (Environment.UserName == "root")
            Run("runuser", ["-u", "postgres", "--", path, .. arguments]);
        else
            Run(path, arguments);
    }

    private static void Run(string program, string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { WorkingDirectory = "/", RedirectStandardOutput = false, RedirectStandardError = false };
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: exit code {process.ExitCode}");
    }
}
