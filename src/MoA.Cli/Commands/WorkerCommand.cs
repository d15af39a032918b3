using System.CommandLine;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Cluster;
using MoA.Cluster.Conversations;
using MoA.Cluster.Hosting;
using MoA.Cluster.Members;
using MoA.Cluster.Units;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Serving;

namespace MoA.Cli.Commands;

/// <summary><c>moa worker</c>: this machine as a member of a cluster.</summary>
internal sealed class WorkerCommand : CliCommand
{
    private readonly Option<string[]> _models = new("--model", "-m")
    {
        Description = "A model of this machine that searches may have under another path, told by its fingerprint; may be given several times",
        HelpName = "PATH|NAME",
    };

    private readonly Option<bool> _pull = new("--pull")
    {
        Description = "Fetch models of the hub that searches name and this machine lacks, as 'moa model pull' does",
    };

    public WorkerCommand(Streams streams)
        : base("worker", "Joins a cluster: takes units of searches ('moa compress --cluster') and holds conversations ('moa serve --cluster'). Models are opened when " +
            "they are first needed, by the name that the search or the server gives, from the same path or the Hugging Face cache of this machine. Ctrl-C, SIGTERM " +
            "or 'moa cluster drain' ends it when what it has begun has ended; a second signal ends it at once.", streams)
    {
        Examples =
        [
            "moa worker --cluster localhost   # the first one keeps the list of members",
            "moa worker --cluster postgresql://moa@db.example.org/moa --member-listen 0.0.0.0 --cluster-secret-file secret.txt --kv-memory 16GiB",
            "srun moa worker --cluster postgresql://moa@db/moa --member-listen 0.0.0.0 --cluster-secret-file secret.txt",
        ];
        ClusterOptions.AddMemberTo(this);
        Options.Add(_models);
        Options.Add(_pull);
        Options.Add(ServeOptions.KvMemory);
        Options.Add(ModelOptions.Device);
        Options.Add(MmapOption.Option);
        Options.Add(ServeOptions.StopTimeout);
    }

    // Not inlined: other commands load nothing of clusters.
    [MethodImpl(MethodImplOptions.NoInlining)]
    protected override void Run(CommandContext context) => RunAsync(context).GetAwaiter().GetResult();

    private async Task RunAsync(CommandContext context)
    {
        ClusterConnection connection = ClusterOptions.ReadConnection(context);
        MemberOptions options = ClusterOptions.ReadMember(context);
        using ClusterSecurity? security = options.Security;
        TimeSpan longestStop = ServeOptions.ReadSeconds(context, ServeOptions.StopTimeout) ?? TimeSpan.FromSeconds(30);
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        long? kvMemory = context.Get(ServeOptions.KvMemory) is string size ? ByteSize.Parse(ServeOptions.KvMemory.Name, size) : null;
        bool onDevice = context.Get(ModelOptions.Device) is string device && device != "cpu";
        ModelLoadOptions load = new()
        {
            Backend = onDevice ? backend : null,
            Threads = GlobalOptions.ReadThreads(context) ?? 0,
            Residency = MmapOption.Read(context, onDevice),
        };
        await using MemberHost member = await MemberHost.JoinAsync(connection, options, Add, context.Cancellation);
        member.State.Threads = backend.Threads;
        MemberReport self = member.State.Report();
        context.Say($"moa: {options.Name} is a member of {connection.Description}, at {self.Endpoint}");
        if (context.Json)
        {
            context.WriteJson(writer =>
            {
                writer.WriteString("name", self.Name);
                writer.WriteString("address", self.Endpoint);
            });
            context.Output.Flush();
        }

        await member.UntilAskedToLeaveAsync(context.Cancellation);
        context.Note($"moa: {options.Name} is leaving; what it has begun may end (a second Ctrl-C ends at once)");
        using CancellationTokenSource longest = new(longestStop);
        await member.StopAsync(longest.Token);

        void Add(IServiceCollection services)
        {
            HeldConversations.AddTo(services, Open);
            UnitRunner.AddTo(services, ReadUnits(context, backend));
        }

        ModelService Open(OfferedModel offered) => offered.Open(load, kvMemory, options.Note);
    }

    // Units have threads or a stream of the device of their own: one pass runs at a time on each.
    private UnitOptions ReadUnits(CommandContext context, ComputeBackend backend) => new()
    {
        CreateBackend = () => ModelOptions.CreateBackend(context),
        Arithmetic = backend.Arithmetic,
        Version = ToolVersion.Text,
        EmbeddedModel = ModelOptions.EmbeddedModel,
        Models = context.Get(_models) ?? [],
        MayPull = context.Get(_pull),
        Residency = MmapOption.Read(context, onDevice: backend.Gauge is not null),
        Note = line => context.Note($"moa: {line}"),
    };
}
