using System.Data.Common;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MoA.Cluster.Conversations;
using MoA.Cluster.Members;
using MoA.Cluster.Schema;
using MoA.Engine;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Runtime.MembershipService;

namespace MoA.Cluster.Hosting;

/// <summary>This process as a member of a cluster: an Orleans silo, from joining to leaving.</summary>
internal sealed class MemberHost : IAsyncDisposable
{
    /// <summary>Name of the cluster in the list; another cluster has another database.</summary>
    public const string ClusterName = "moa";

    /// <summary>Name of the storage that grains use: the database, or the members' memory where there is none.</summary>
    public const string StorageName = "conversations";

    private static readonly TimeSpan LongestDisposal = TimeSpan.FromSeconds(5);

    private readonly IHost _host;

    private MemberHost(IHost host)
    {
        _host = host;
    }

    /// <summary>What the member's parts share.</summary>
    public IServiceProvider Services => _host.Services;

    /// <summary>Where other members reach this one.</summary>
    public SiloAddress Address => Services.GetRequiredService<ILocalSiloDetails>().SiloAddress;

    /// <summary>What the member says of itself.</summary>
    public MemberState State => Services.GetRequiredService<MemberState>();

    /// <summary>Calls grains.</summary>
    public IGrainFactory Grains => Services.GetRequiredService<IGrainFactory>();

    /// <summary>Ends when the others go on without this member, which did not answer them for too long.</summary>
    public Task Lost => Services.GetRequiredService<MemberLoss>().Lost;

    /// <summary>Joins a cluster.</summary>
    /// <param name="connection">Where members find each other.</param>
    /// <param name="options">How this one takes part.</param>
    /// <param name="parts">Adds what the member does.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="InvalidInputException">The database or an address cannot be used, or the others cannot be reached.</exception>
    public static async Task<MemberHost> JoinAsync(
        ClusterConnection connection, MemberOptions options, Action<IServiceCollection> parts, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(parts);
        ClusterSecurity.Require(options.Security, options.Listen);
        await ClusterSchema.RequireAsync(connection, cancellation).ConfigureAwait(false);
        // Without appsettings.json and variables of the folder that it was started in.
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        _ = builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        _ = builder.Services.AddSingleton(options);
        _ = builder.Services.AddSingleton<MemberState>();
        MemberLoss loss = new();
        _ = builder.Services.AddSingleton(loss).AddSingleton<IFatalErrorHandler>(loss);
        QuietLogging.Add(builder.Logging, options.Note);
        _ = builder.UseOrleans(silo => Configure(silo, connection, options));
        parts(builder.Services);
        IHost host = builder.Build();
        try
        {
            Task started = host.StartAsync(cancellation);
            if (await Task.WhenAny(started, loss.Lost, Task.Delay(options.LongestJoin, cancellation)).ConfigureAwait(false) != started)
            {
                cancellation.ThrowIfCancellationRequested();
                throw NotLetIn(connection, null);
            }

            await started.ConfigureAwait(false);
            return new MemberHost(host);
        }
        catch (Exception failure)
        {
            await DisposeAsync(host).ConfigureAwait(false);
            if (failure is OperationCanceledException && cancellation.IsCancellationRequested)
                throw;
            throw Explain(connection, options, failure);
        }
    }

    /// <summary>Waits until this process is asked to leave, by a signal or by another member's word.</summary>
    /// <param name="signal">The signal.</param>
    /// <exception cref="IOException">The cluster went on without this member, which is none any more.</exception>
    public async Task UntilAskedToLeaveAsync(CancellationToken signal)
    {
        TaskCompletionSource signalled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration registration = signal.Register(signalled.SetResult);
        if (await Task.WhenAny(signalled.Task, State.DrainAsked, Lost).ConfigureAwait(false) == Lost)
            throw new IOException("the other members no longer count this one among them, since it did not answer for too long; start it again");
        State.Drain();
    }

    /// <summary>Leaves: ends what was begun, hands over what others can go on with, and tells them.</summary>
    /// <param name="cancellation">Ends what was begun where it stands.</param>
    public async Task StopAsync(CancellationToken cancellation = default)
    {
        State.Drain();
        await Task.WhenAll(Services.GetServices<IMemberPart>().Select(part => part.LeaveAsync(cancellation))).ConfigureAwait(false);
        await _host.StopAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Ends at once: nothing is handed over.</summary>
    public Task DropAsync() => _host.StopAsync(new CancellationToken(canceled: true));

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => DisposeAsync(_host);

    // A member that was given up may wait for others that do not answer; the process need not.
    private static async ValueTask DisposeAsync(IHost host)
    {
        Task disposed = Task.Run(async () => await ((IAsyncDisposable)host).DisposeAsync().ConfigureAwait(false));
        _ = await Task.WhenAny(disposed, Task.Delay(LongestDisposal)).ConfigureAwait(false);
    }

    private static void Configure(ISiloBuilder silo, ClusterConnection connection, MemberOptions options)
    {
        IPAddress advertised = options.Advertise ?? Reachable(options.Listen);
        if (connection.Database is string database)
        {
            (int members, int clients) = ClusterPorts.Choose(options.Listen, options.Port);
            _ = silo.UseAdoNetClustering(clustering => (clustering.Invariant, clustering.ConnectionString) = ("Npgsql", database));
            _ = silo.AddAdoNetGrainStorage(StorageName, storage => (storage.Invariant, storage.ConnectionString) = ("Npgsql", database));
            _ = silo.Configure<EndpointOptions>(endpoint => Listen(endpoint, members, clients));
        }
        else
        {
            // The first comes in at the port that all know, and keeps the list.
            IPEndPoint first = new(IPAddress.Loopback, connection.LocalPort);
            bool isFirst = ClusterPorts.IsFree(IPAddress.Loopback, connection.LocalPort);
            (int members, int clients) = ClusterPorts.Choose(IPAddress.Loopback, isFirst ? connection.LocalPort : options.Port);
            _ = silo.UseLocalhostClustering(members, clients, isFirst ? null : first, ClusterName, ClusterName);
            _ = silo.AddMemoryGrainStorage(StorageName);
        }

        _ = silo.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (ClusterName, ClusterName));
        _ = silo.Configure<SiloOptions>(own => own.SiloName = options.Name);
        _ = silo.Configure<ClusterMembershipOptions>(ClusterTimes.Apply);
        _ = silo.Configure<SiloMessagingOptions>(messaging => messaging.ResponseTimeout = ClusterTimes.Response);
        if (options.Security is ClusterSecurity security)
            _ = silo.UseTls(security.Apply);
        if (Environment.GetEnvironmentVariable("POD_NAME") is { Length: > 0 } && Environment.GetEnvironmentVariable("ORLEANS_CLUSTER_ID") is { Length: > 0 })
            _ = silo.UseKubernetesHosting();
        // Never two of one grain, while members come and go either. Experimental by name.
#pragma warning disable ORLEANSEXP003
        _ = silo.AddDistributedGrainDirectory();
#pragma warning restore ORLEANSEXP003
        OnMemberPlacement.AddTo(silo.Services);
        ByCachesPlacement.AddTo(silo.Services);

        void Listen(EndpointOptions endpoint, int members, int clients)
        {
            (endpoint.AdvertisedIPAddress, endpoint.SiloPort, endpoint.GatewayPort) = (advertised, members, clients);
            endpoint.SiloListeningEndpoint = new IPEndPoint(options.Listen, members);
            endpoint.GatewayListeningEndpoint = new IPEndPoint(options.Listen, clients);
        }
    }

    // 0.0.0.0 is where one listens, not where one is found.
    private static IPAddress Reachable(IPAddress listen)
    {
        if (!listen.Equals(IPAddress.Any) && !listen.Equals(IPAddress.IPv6Any))
            return listen;
        return NetworkInterface.GetAllNetworkInterfaces()
            .Where(network => network.OperationalStatus == OperationalStatus.Up && network.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .OrderByDescending(network => network.GetIPProperties().GatewayAddresses.Count)
            .SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(address => address.Address)
            .FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork)
            ?? throw new InvalidInputException($"--member-listen {listen}: this machine has no address that others could reach; give --member-advertise");
    }

    private static Exception Explain(ClusterConnection connection, MemberOptions options, Exception failure)
    {
        for (Exception? at = failure; at is not null; at = at.InnerException)
        {
            switch (at)
            {
                case InvalidInputException:
                    return at;
                case DbException database:
                    return ClusterSchema.Explain(connection, database);
                case SocketException socket:
                    return new InvalidInputException(
                        $"--member-listen {options.Listen}: cannot be listened at ({socket.Message.TrimEnd('.')}); choose another address or --member-port", failure);
                case OrleansClusterConnectivityCheckFailedException:
                    return NotLetIn(connection, failure);
            }
        }

        return failure;
    }

    private static InvalidInputException NotLetIn(ClusterConnection connection, Exception? failure)
    {
        string message = connection.Database is null
            ? $"{connection.Description}: no member of a cluster listens there that lets this one in, but another program may; choose another port, or the same secret or certificates"
            : $"{connection.Description}: other members are listed but do not let this one in; each must reach each other's address, and have the same secret or certificates";
        return failure is null ? new InvalidInputException(message) : new InvalidInputException(message, failure);
    }
}
