using System.Runtime.CompilerServices;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Cluster.Conversations;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Files;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Server;
using MoA.Serving;

namespace MoA.Cli.Commands;

/// <summary><c>moa serve</c>: the model behind HTTP.</summary>
internal sealed class ServeCommand : CliCommand
{
    // Room that is left for caches when it is decided where the weights go, if nobody says how much they may take.
    private const int ReckonedTokens = 16_384;

    public ServeCommand(Streams streams)
        : base("serve", "Serves a model over HTTP, with the routes of OpenAI (/v1/models, /v1/chat/completions, /v1/completions, /v1/responses) and Anthropic " +
            "(/v1/messages), /tokenize, /detokenize, /apply-template, /health, /ready, /metrics, and a page to talk to it at /. Many requests are answered at one " +
            "time within a fixed memory of KV caches, and a conversation's caches are kept for its next turn. It listens on this machine only unless " +
            "told otherwise. With --cluster it is a member of a cluster: any member answers any request, and a conversation lives where its caches are. Ctrl-C or SIGTERM ends it when the answers that are being written have ended.", streams)
    {
        Examples =
        [
            "moa serve --model ./Llama-3.2-1B-Instruct --plan llama-plan/plan.json --kv-memory 4GiB",
            "moa serve --host 0.0.0.0 --api-key-file key.txt --alias gpt-oss --session-dir sessions",
            "moa serve --port 0 --json   # prints the address as JSON",
            "moa serve --cluster postgresql://moa@db.example.org/moa --name gpu-7 --member-listen 0.0.0.0 --cluster-secret-file secret.txt --host 0.0.0.0 --api-key-file key.txt",
            "curl http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' -d '{\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'",
        ];
        ServeOptions.AddTo(this);
        ModelOptions.AddTo(this);
        ModelOptions.AddPolicyTo(this);
        ClusterOptions.AddMemberTo(this);
    }

    // Not inlined: other commands load nothing of servers.
    [MethodImpl(MethodImplOptions.NoInlining)]
    protected override void Run(CommandContext context) => ServeAsync(context).GetAwaiter().GetResult();

    private static async Task ServeAsync(CommandContext context)
    {
        ServerOptions options = ReadServerOptions(context);
        long? kvMemory = context.Get(ServeOptions.KvMemory) is string size ? ByteSize.Parse(ServeOptions.KvMemory.Name, size) : null;
        (int? sequences, int? queue) = (ServeOptions.ReadCount(context, ServeOptions.MaxSequences), ServeOptions.ReadCount(context, ServeOptions.Queue));
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        AttentionPolicy policy = ModelOptions.ReadPolicy(context, model.Config);
        if (model.Generation.NotApplied.Count > 0)
            context.Note($"moa: the model asks for what is not applied: {string.Join(", ", model.Generation.NotApplied)}");
        MmapOption.Apply(context, model, kvMemory ?? SequenceCache.EstimateBytes(
            model.Config, policy, Math.Min(model.Config.MaxPositions, ReckonedTokens), ModelOptions.CacheType(context)));
        ServiceOptions defaults = new();
        await using ModelService service = new(model, defaults with
        {
            Name = options.Aliases is [string alias, ..] ? alias : null,
            Policy = policy,
            CacheType = ModelOptions.CacheType(context),
            CacheBytes = kvMemory,
            MaxSequences = sequences ?? defaults.MaxSequences,
            QueueLength = queue ?? defaults.QueueLength,
            DefaultNewTokens = model.Generation.MaxNewTokens ?? defaults.DefaultNewTokens,
            SessionFolder = context.Get(ServeOptions.SessionDir),
            Note = line => context.Say($"moa: {line}"),
        });
        await using ServingMember? member = ClusterOptions.IsGiven(context) ? await JoinAsync(context, service) : null;
        await using ModelServer server = await ModelServer.StartAsync(member is null ? service : member.Service, options, context.Cancellation);
        context.Say($"moa: ready at {server.Address} ({service.Name}, {policy.FullName}, {service.State.CacheLimit / 1048576.0:N0} MiB for KV caches)");
        if (context.Json)
        {
            context.WriteJson(writer =>
            {
                writer.WriteString("address", server.Address);
                writer.WriteString("model", service.Name);
                writer.WriteString("policy", policy.FullName);
                writer.WriteNumber("kvMemory", service.State.CacheLimit);
            });
        }
        else
        {
            context.Output.WriteLine(server.Address);
        }

        context.Output.Flush();

        if (member is not null)
        {
            await member.UntilAskedToLeaveAsync(context.Cancellation);
            context.Note("moa: leaving; answers that are being written may end (a second Ctrl-C ends at once)");
            await member.LeaveAsync(server.StopAsync, options.LongestStop);
            return;
        }

        TaskCompletionSource told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (context.Cancellation.Register(told.SetResult))
            await told.Task;
        context.Note("moa: stopping; answers that are being written may end (a second Ctrl-C ends at once)");
        await server.StopAsync();
    }

    // Not inlined: a server of its own loads nothing of clusters.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<ServingMember> JoinAsync(CommandContext context, ModelService service)
    {
        string? plan = context.Get(ModelOptions.Plan);
        ServingMember member = await ServingMember.JoinAsync(ClusterOptions.ReadConnection(context), ClusterOptions.ReadMember(context), service, new OfferedModel
        {
            Model = context.Get(ModelOptions.Model) is string name && !Path.Exists(name) ? name : Path.GetFullPath(ModelOptions.ModelPath(context)),
            Name = service.Options.Name,
            Weights = ModelOptions.WeightType(context)?.ToString(),
            ChatTemplate = context.Get(ModelOptions.ChatTemplate) is string template && File.Exists(template) ? Path.GetFullPath(template) : context.Get(ModelOptions.ChatTemplate),
            Policy = context.Get(ModelOptions.Policy),
            Plan = plan is null ? null : InputFile.ReadText(plan, "give --plan a plan file"),
            CacheType = service.Options.CacheType.ToString(),
            DefaultNewTokens = service.Options.DefaultNewTokens,
            MaxSequences = service.Options.MaxSequences,
            QueueLength = service.Options.QueueLength,
        }, context.Cancellation);
        return member;
    }

    private static ServerOptions ReadServerOptions(CommandContext context)
    {
        ServerOptions defaults = new();
        return defaults with
        {
            Host = context.Get(ServeOptions.Host) ?? defaults.Host,
            Port = context.Get(ServeOptions.Port) ?? defaults.Port,
            ApiKey = ServeOptions.ReadKey(context),
            Aliases = context.Get(ServeOptions.Alias) ?? [],
            AllowedHosts = context.Get(ServeOptions.AllowedHost) ?? [],
            AllowedOrigins = context.Get(ServeOptions.Cors) ?? [],
            Seed = context.Get(GlobalOptions.Seed),
            LongestRequest = ServeOptions.ReadSeconds(context, ServeOptions.RequestTimeout) ?? defaults.LongestRequest,
            LongestStop = ServeOptions.ReadSeconds(context, ServeOptions.StopTimeout) ?? defaults.LongestStop,
            Log = line => context.Say($"moa: {line}"),
        };
    }
}
