namespace MoA.Serving.Benchmarks;

/// <summary>Servers of a file, one address a line, of which those are asked that say they are ready; a quarter of a second passes between looks.</summary>
internal sealed class ReadyServers : IDisposable
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(250);

    private readonly CancellationTokenSource _end = new();
    private readonly Dictionary<string, HttpClient> _clients = [];
    private readonly string _file;
    private volatile HttpClient[] _ready = [];

    public ReadyServers(string file)
    {
        _file = file;
        _ = Task.Run(LookAsync);
    }

    /// <summary>One of those that are ready, as soon as there is one.</summary>
    public async Task<HttpClient> AnyAsync()
    {
        HttpClient[] ready;
        while ((ready = _ready).Length == 0)
            await Task.Delay(BetweenLooks);
        return ready[Random.Shared.Next(ready.Length)];
    }

    public void Dispose() => _end.Cancel();

    private async Task LookAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            string[] addresses = File.Exists(_file) ? await File.ReadAllLinesAsync(_file) : [];
            foreach (string address in addresses.Where(address => !_clients.ContainsKey(address)))
                _clients[address] = new HttpClient { BaseAddress = new Uri(address), Timeout = TimeSpan.FromMinutes(5) };
            bool[] ready = await Task.WhenAll(addresses.Select(address => IsReadyAsync(_clients[address])));
            _ready = [.. addresses.Where((_, i) => ready[i]).Select(address => _clients[address])];
            await Task.Delay(BetweenLooks);
        }
    }

    private static async Task<bool> IsReadyAsync(HttpClient client)
    {
        try
        {
            using CancellationTokenSource soon = new(TimeSpan.FromSeconds(2));
            using HttpResponseMessage answer = await client.GetAsync("ready", soon.Token);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception failure) when (failure is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }
}
