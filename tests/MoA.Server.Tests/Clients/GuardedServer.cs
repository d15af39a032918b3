using MoA.Serving;

namespace MoA.Server.Tests.Clients;

/// <summary>The demo model behind a key and limits that clients can reach.</summary>
public sealed class GuardedServer : IAsyncLifetime
{
    public const string Key = "secret";

    private TestServer _server = null!;

    public string Address => _server.Server.Address;

    public ServiceState State => _server.Service.State;

    public async Task InitializeAsync() => _server = await TestServer.StartAsync(
        new ServerOptions { ApiKey = Key, MaxBodyBytes = 1 << 20, MaxConcurrentRequests = 8 });

    public async Task DisposeAsync() => await _server.DisposeAsync();
}
