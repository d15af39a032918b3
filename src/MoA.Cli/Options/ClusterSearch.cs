using System.CommandLine;
using System.Runtime.CompilerServices;
using MoA.Cli.Output;
using MoA.Cluster;
using MoA.Cluster.Hosting;
using MoA.Cluster.Units;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Hub;
using MoA.Engine.Numerics;
using MoA.Search.Units;

namespace MoA.Cli.Options;

/// <summary>The members of a cluster that compute for a command, where it asks for them.</summary>
internal sealed class ClusterSearch : IDisposable
{
    private const string Own = "own", Any = "any";

    private static readonly TimeSpan SoonEnough = TimeSpan.FromSeconds(2);

    private readonly IDisposable? _security;
    private readonly IAsyncDisposable _client;

    private ClusterSearch(IDisposable? security, IAsyncDisposable client, IUnitWorkers workers) => (_security, _client, Workers) = (security, client, workers);

    public static Option<string?> Arithmetic { get; } = new("--cluster-arithmetic")
    {
        Description = $"Which members compute: {Own} for those that compute as this machine does, so that files are the same to the bit; {Any}; or what 'moa cluster status' " +
            $"says, such as simd512 (default: {Own})",
        HelpName = $"{Own}|{Any}|NAME",
        CompletionSources = { Own, Any, "simd512", "simd256" },
    };

    public static Option<double?> Wait { get; } = new("--cluster-wait")
    {
        Description = "Longest wait for a member while there is none (default: 60)",
        HelpName = "SECONDS",
    };

    /// <summary>Those who compute.</summary>
    public IUnitWorkers Workers { get; }

    /// <summary>Adds the options of commands whose work the members of a cluster can share.</summary>
    public static void AddTo(Command command)
    {
        ClusterOptions.AddTo(command);
        command.Options.Add(Arithmetic);
        command.Options.Add(Wait);
    }

    /// <summary>Connects to the cluster that a command asks for; null for none.</summary>
    /// <param name="context">The command.</param>
    /// <param name="model">The model, as it was loaded for the command.</param>
    /// <exception cref="InvalidInputException">An option cannot be used, or no member answers.</exception>
    public static ClusterSearch? Of(CommandContext context, LanguageModel model) => ClusterOptions.IsGiven(context) ? Connect(context, model) : null;

    /// <inheritdoc/>
    public void Dispose()
    {
        _client.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _security?.Dispose();
    }

    // Not inlined: commands without a cluster load nothing of it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ClusterSearch Connect(CommandContext context, LanguageModel model)
    {
        ClusterConnection connection = ClusterOptions.ReadConnection(context);
        TimeSpan patience = ServeOptions.ReadSeconds(context, Wait) ?? TimeSpan.FromSeconds(60);
        UnitModel asked = new()
        {
            Name = NameOf(context.Get(ModelOptions.Model), model.Path),
            Weights = ModelOptions.WeightType(context)?.Name(),
            ChatTemplate = model.ChatTemplate is { Choice: not null } chosen ? chosen.Source : null,
            Fingerprint = ModelFingerprint.Of(model),
            Arithmetic = context.Get(Arithmetic) switch
            {
                null or Own => model.Transformer.Backend.Arithmetic,
                Any => null,
                string named => named,
            },
            Version = ToolVersion.Text,
        };
        ClusterSecurity? security = ClusterOptions.ReadSecurity(context);
        try
        {
            ClusterClient client = ConnectAsync(context, connection, security, patience).GetAwaiter().GetResult();
            return new ClusterSearch(security, client, new ClusterWorkers(
                client.Grains, asked, new ClusterWorkersOptions { Patience = patience, Note = line => context.Note($"moa: {line}") }));
        }
        catch
        {
            security?.Dispose();
            throw;
        }
    }

    private static async Task<ClusterClient> ConnectAsync(
        CommandContext context, ClusterConnection connection, ClusterSecurity? security, TimeSpan patience)
    {
        Task<ClusterClient> connecting = ClusterClient.ConnectAsync(connection, security, patience, line => context.Say($"moa: {line}"), context.Cancellation);
        if (await Task.WhenAny(connecting, Task.Delay(SoonEnough)) != connecting)
            context.Note($"moa: no member of {connection.Description} answers yet; waiting {patience.TotalSeconds:0} s for one");
        return await connecting;
    }

    /// <summary>How another machine finds a model: its whole path, or its name on the hub with the commit that was found here.</summary>
    /// <param name="given">What the command says; null for the model that comes with the program.</param>
    /// <param name="path">Where it was found.</param>
    internal static string NameOf(string? given, string path)
    {
        if (given is null)
            return "";
        if (Path.Exists(given) || HubName.TryParse(given) is not HubName name)
            return Path.GetFullPath(given);
        string[] parts = Path.GetFullPath(path).Split(Path.DirectorySeparatorChar);
        string? commit = parts.SkipWhile(part => part != "snapshots").Skip(1).FirstOrDefault();
        return commit is null ? name.ToString() : $"{name.Repository}@{commit}{(name.File is null ? "" : $":{name.File}")}";
    }
}
