using System.Data.Common;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MoA.Cluster.Schema;
using MoA.Engine;
using Orleans.Configuration;
using Orleans.Hosting;

namespace MoA.Cluster.Hosting;

/// <summary>A program that asks a cluster and is no member of it.</summary>
internal sealed class ClusterClient : IAsyncDisposable
{
    private readonly IHost _host;

    private ClusterClient(IHost host)
    {
        _host = host;
    }

    /// <summary>Calls grains.</summary>
    public IClusterClient Grains => _host.Services.GetRequiredService<IClusterClient>();

    /// <summary>Connects to a cluster.</summary>
    /// <param name="connection">Where its members are listed.</param>
    /// <param name="security">What members ask for; null on this machine alone.</param>
    /// <param name="patience">How long it is tried while nobody answers.</param>
    /// <param name="note">Told what goes wrong on the way.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="InvalidInputException">No member answers.</exception>
    public static async Task<ClusterClient> ConnectAsync(
        ClusterConnection connection, ClusterSecurity? security, TimeSpan patience, Action<string> note, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        await ClusterSchema.RequireAsync(connection, cancellation).ConfigureAwait(false);
        DateTime until = DateTime.UtcNow + patience;
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        _ = builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        QuietLogging.Add(builder.Logging, note);
        _ = builder.UseOrleansClient(client =>
        {
            if (connection.Database is string database)
                _ = client.UseAdoNetClustering(clustering => (clustering.Invariant, clustering.ConnectionString) = ("Npgsql", database));
            else
                _ = client.UseStaticClustering(new IPEndPoint(IPAddress.Loopback, connection.LocalPort + 1));
            _ = client.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (MemberHost.ClusterName, MemberHost.ClusterName));
            _ = client.Configure<ClientMessagingOptions>(messaging => messaging.ResponseTimeout = ClusterTimes.Response);
            _ = client.Configure<GatewayOptions>(gateways => gateways.GatewayListRefreshPeriod = TimeSpan.FromSeconds(5));
            if (security is not null)
                _ = client.UseTls(security.Apply);
            _ = client.UseConnectionRetryFilter(async (_, stop) =>
            {
                if (DateTime.UtcNow >= until)
                    return false;
                await Task.Delay(TimeSpan.FromMilliseconds(500), stop).ConfigureAwait(false);
                return true;
            });
        });
        IHost host = builder.Build();
        try
        {
            await host.StartAsync(cancellation).ConfigureAwait(false);
            return new ClusterClient(host);
        }
        catch (Exception failure)
        {
            host.Dispose();
            if (failure is OperationCanceledException && cancellation.IsCancellationRequested)
                throw;
            if (failure is DbException database)
                throw ClusterSchema.Explain(connection, database);
            if (failure is InvalidInputException)
                throw;
            throw new InvalidInputException(
                $"{connection.Description}: no member of the cluster answers; start one with 'moa worker --cluster …', with the same secret or certificates", failure);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync().ConfigureAwait(false);
        _host.Dispose();
    }
}
