using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using MoA.Cluster.Conversations;
using MoA.Cluster.Hosting;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Serving;
using MoA.Tests;
using Orleans.Configuration;
using Orleans.Storage;

namespace MoA.Cluster.Tests.Conversations;

/// <summary>Members of one cluster in this process, each with the demo model.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private readonly List<Member> _members = [];
    private readonly List<MemberHost> _workers = [];
    private readonly ClusterConnection _connection;

    private TestCluster(ClusterConnection connection) => _connection = connection;

    /// <summary>Where all keep their conversations.</summary>
    public SharedStorage Storage { get; } = new();

    public IReadOnlyList<Member> Members => _members;

    public static ServiceOptions Options { get; } = new() { CacheType = ElementType.F32, CacheBytes = 64 << 20 };

    public static async Task<TestCluster> StartAsync(int members, Func<int, ServiceOptions>? options = null)
    {
        TestCluster cluster = new(ClusterConnection.Parse($"localhost:{FreePort()}"));
        for (int i = 0; i < members; i++)
            _ = await cluster.AddAsync(options?.Invoke(i));
        return cluster;
    }

    public async Task<Member> AddAsync(ServiceOptions? options = null)
    {
        string name = $"m{_members.Count}";
        List<string> notes = [];
        ComputeBackend backend = ComputeBackend.CreateCpu(1);
        LanguageModel model = LanguageModel.Load(RepositoryFiles.DemoModel, backend);
        ModelService service = new(model, options ?? Options);
        MemberHost host = await JoinAsync(name, Note, services => HeldConversations.AddTo(services, service));
        Member member = new(name, host, service, model, backend, notes);
        _members.Add(member);
        return member;

        void Note(string line)
        {
            lock (notes)
                notes.Add(line);
        }
    }

    /// <summary>Adds a member without a model.</summary>
    public async Task<MemberHost> AddWorkerAsync(string name, Func<OfferedModel, ModelService> open)
    {
        MemberHost host = await JoinAsync(name, static _ => { }, services => HeldConversations.AddTo(services, open));
        _workers.Add(host);
        return host;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (MemberHost worker in _workers)
        {
            await worker.DropAsync();
            await worker.DisposeAsync();
        }

        foreach (Member member in _members.AsEnumerable().Reverse())
            await member.DisposeAsync();
    }

    private Task<MemberHost> JoinAsync(string name, Action<string> note, Action<IServiceCollection> parts) =>
        MemberHost.JoinAsync(_connection, new MemberOptions { Name = name, Version = "test", Note = note }, services =>
        {
            parts(services);
            _ = services.AddKeyedSingleton<IGrainStorage>(MemberHost.StorageName, Storage);
            _ = services.Configure<ClusterMembershipOptions>(times =>
            {
                times.ProbeTimeout = TimeSpan.FromSeconds(1);
                times.NumMissedProbesLimit = 3;
                times.NumVotesForDeathDeclaration = 1;
            });
        });

    private static int FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    internal sealed class Member(string name, MemberHost host, ModelService service, LanguageModel model, ComputeBackend backend, List<string> notes) : IAsyncDisposable
    {
        public string Name => name;

        public bool IsGone { get; private set; }

        public MemberHost Host => host;

        public ModelService Service => service;

        public ClusterService Front { get; } = new(host);

        public int Held => host.State.Report().Conversations.Held;

        public string Notes
        {
            get
            {
                lock (notes)
                    return string.Join('\n', notes);
            }
        }

        /// <summary>Ends it as if its process had been killed: nothing is handed over, nobody is told.</summary>
        public async Task KillAsync()
        {
            IsGone = true;
            await host.DropAsync();
            await service.DisposeAsync();
        }

        public async Task LeaveAsync(TimeSpan longest)
        {
            IsGone = true;
            using CancellationTokenSource end = new(longest);
            await host.StopAsync(end.Token);
            await service.DisposeAsync();
        }

        public async ValueTask DisposeAsync()
        {
            Front.Dispose();
            if (!IsGone)
                await KillAsync();
            await host.DisposeAsync();
            model.Dispose();
            backend.Dispose();
        }
    }
}
