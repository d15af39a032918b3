using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace MoA.Serving.Benchmarks;

/// <summary><c>moa serve</c> as a process of its own, at a free port.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private readonly Process _process;

    private ServerProcess(Process process)
    {
        _process = process;
        AppDomain.CurrentDomain.ProcessExit += EndWithThis;
    }

    /// <summary>Speaks to it.</summary>
    public required HttpClient Http { get; init; }

    /// <summary>What it has said on standard error.</summary>
    public ConcurrentQueue<string> Notes { get; } = [];

    /// <summary>Its resident memory in bytes.</summary>
    public long ResidentBytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>Starts a server and waits until it is ready.</summary>
    public static async Task<ServerProcess> StartAsync(string moa, params string[] arguments)
    {
        Process process = Start(moa, ["serve", "--port", "0", .. arguments], info => info.RedirectStandardError = info.RedirectStandardOutput = true);
        List<string> said = [];
        while (await process.StandardError.ReadLineAsync() is string line)
        {
            said.Add(line);
            const string Ready = "moa: ready at ";
            if (!line.StartsWith(Ready, StringComparison.Ordinal))
                continue;
            SocketsHttpHandler handler = new() { PooledConnectionIdleTimeout = TimeSpan.FromSeconds(5) };
            ServerProcess server = new(process)
            {
                Http = new HttpClient(handler) { BaseAddress = new Uri(line[Ready.Length..].Split(' ')[0]), Timeout = Timeout.InfiniteTimeSpan },
            };
            said.ForEach(server.Notes.Enqueue);
            _ = server.ListenAsync();
            return server;
        }

        throw new InvalidOperationException($"moa serve ended before it was ready: {string.Join(" / ", said)}");
    }

    /// <summary>Starts the program.</summary>
    public static Process Start(string moa, IEnumerable<string> arguments, Action<ProcessStartInfo> prepare)
    {
        bool isAssembly = moa.EndsWith(".dll", StringComparison.Ordinal);
        ProcessStartInfo info = new(isAssembly ? "dotnet" : moa, [.. isAssembly ? [moa] : Array.Empty<string>(), .. arguments]);
        prepare(info);
        return Process.Start(info)!;
    }

    /// <summary>A number of <c>/moa/state</c>.</summary>
    public async Task<Dictionary<string, long>> StateAsync()
    {
        using JsonDocument state = JsonDocument.Parse(await Http.GetStringAsync("moa/state"));
        return state.RootElement.EnumerateObject()
            .Where(field => field.Value.ValueKind == JsonValueKind.Number)
            .ToDictionary(field => field.Name, field => (long)field.Value.GetDouble());
    }

    /// <summary>Bytes that it has ever allocated on the managed heap.</summary>
    public async Task<double> AllocatedBytesAsync()
    {
        const string Name = "dotnet_gc_heap_total_allocated_bytes_total{} ";
        string metrics = await Http.GetStringAsync("metrics");
        return double.Parse(metrics.Split('\n').First(line => line.StartsWith(Name, StringComparison.Ordinal))[Name.Length..], CultureInfo.InvariantCulture);
    }

    /// <summary>Ends it as no program can see it coming.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>Asks it to end, as a supervisor does; its exit code.</summary>
    public async Task<int> StopAsync()
    {
        using Process kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= EndWithThis;
        if (!_process.HasExited)
            await KillAsync();
        Http.Dispose();
        _process.Dispose();
    }

    private void EndWithThis(object? sender, EventArgs ended) => _process.Kill();

    private async Task ListenAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is string line)
            Notes.Enqueue(line);
    }
}
