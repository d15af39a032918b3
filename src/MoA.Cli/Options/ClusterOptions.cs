using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using MoA.Cli.Output;
using MoA.Cluster;
using MoA.Cluster.Hosting;
using MoA.Engine;
using MoA.Engine.Files;

namespace MoA.Cli.Options;

/// <summary>The options of commands that ask a cluster or join one.</summary>
internal static class ClusterOptions
{
    private const string ConnectionVariable = "MOA_CLUSTER";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static Option<string?> Cluster { get; } = new("--cluster")
    {
        Description = "Where the members of a cluster find each other: a PostgreSQL database, as postgresql://USER@HOST/DATABASE or Host=…;Database=… (a password rather in the " +
            $"variable {ConnectionVariable}, which may hold all of it, or in .pgpass), or localhost[:PORT] to try it out on this machine",
        HelpName = "CONNECTION",
    };

    public static Option<string?> SecretFile { get; } = new("--cluster-secret-file")
    {
        Description = $"File with the secret that all members and those who ask them share; or the variable {ClusterSecurity.SecretVariable}",
        HelpName = "FILE",
    };

    public static Option<string?> Certificate { get; } = new("--cluster-certificate")
    {
        Description = "PEM file with this machine's certificate and private key, in place of a shared secret",
        HelpName = "FILE",
    };

    public static Option<string?> Authority { get; } = new("--cluster-authority")
    {
        Description = "PEM file with the certificates of the authority that signed those of all members",
        HelpName = "FILE",
    };

    public static Option<string?> Name { get; } = new("--name")
    {
        Description = "What the member is called (default: the machine's name and the process' number)",
        HelpName = "NAME",
    };

    public static Option<string?> Listen { get; } = new("--member-listen")
    {
        Description = "IP address to listen at for other members, 0.0.0.0 for all; beyond this machine a secret or certificates are required (default: 127.0.0.1)",
        HelpName = "ADDRESS",
    };

    public static Option<string?> Advertise { get; } = new("--member-advertise")
    {
        Description = "IP address at which other members reach this one, if it is another than it listens at",
        HelpName = "ADDRESS",
    };

    public static Option<int?> MemberPort { get; } = new("--member-port")
    {
        Description = "Port for other members; the next one is for those who only ask (default: free ones)",
        HelpName = "PORT",
    };

    /// <summary>Adds the options of those who ask a cluster.</summary>
    public static void AddTo(Command command)
    {
        foreach (Option option in (Option[])[Cluster, SecretFile, Certificate, Authority])
            command.Options.Add(option);
    }

    /// <summary>Adds the options of those who join one.</summary>
    public static void AddMemberTo(Command command)
    {
        AddTo(command);
        foreach (Option option in (Option[])[Name, Listen, Advertise, MemberPort])
            command.Options.Add(option);
    }

    /// <summary>The words of a command line without those that say where a cluster is and who is let in.</summary>
    public static IEnumerable<Token> Without(IReadOnlyList<Token> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        string[] names = [Cluster.Name, SecretFile.Name, Certificate.Name, Authority.Name];
        for (int i = 0; i < tokens.Count; i++)
        {
            if (tokens[i].Type == TokenType.Option && names.Contains(tokens[i].Value))
                i++; // and what it is
            else
                yield return tokens[i];
        }
    }

    /// <summary>Whether a cluster is asked for.</summary>
    public static bool IsGiven(CommandContext context) => Text(context) is not null;

    /// <summary>Where the members find each other.</summary>
    /// <exception cref="InvalidInputException">It is not said, or cannot be read.</exception>
    public static ClusterConnection ReadConnection(CommandContext context) => ClusterConnection.Parse(
        Text(context) ?? throw new InvalidInputException($"--cluster: say where the members find each other, there or in the variable {ConnectionVariable} (see --help)"));

    /// <summary>How members know each other; null for not at all.</summary>
    /// <exception cref="InvalidInputException">Options contradict each other, or a file cannot be read.</exception>
    public static ClusterSecurity? ReadSecurity(CommandContext context)
    {
        (string? secretFile, string? certificate, string? authority) = (context.Get(SecretFile), context.Get(Certificate), context.Get(Authority));
        string? variable = Environment.GetEnvironmentVariable(ClusterSecurity.SecretVariable) is { Length: > 0 } text ? text : null;
        if (certificate is not null || authority is not null)
        {
            if (secretFile is not null)
                throw new InvalidInputException($"{SecretFile.Name} and {Certificate.Name} exclude each other; give one");
            return certificate is not null && authority is not null
                ? ClusterSecurity.OfFiles(certificate, authority)
                : throw new InvalidInputException($"{Certificate.Name} and {Authority.Name} go together; give both");
        }

        if (secretFile is not null)
            return ClusterSecurity.OfSecret(InputFile.ReadText(secretFile, $"give {SecretFile.Name} a text file with the secret").Split('\n', 2)[0], secretFile);
        return variable is null ? null : ClusterSecurity.OfSecret(variable, ClusterSecurity.SecretVariable);
    }

    /// <summary>Connects to a cluster that is there.</summary>
    /// <exception cref="InvalidInputException">No member answers.</exception>
    public static Task<ClusterClient> ConnectAsync(CommandContext context, ClusterConnection connection, ClusterSecurity? security) =>
        ClusterClient.ConnectAsync(connection, security, Patience, line => context.Say($"moa: {line}"), context.Cancellation);

    /// <summary>How this process takes part.</summary>
    public static MemberOptions ReadMember(CommandContext context) => new()
    {
        Name = ReadName(context),
        Version = ToolVersion.Text,
        Listen = ReadAddress(context, Listen) ?? IPAddress.Loopback,
        Advertise = ReadAddress(context, Advertise),
        Port = context.Get(MemberPort) switch
        {
            null => 0,
            int port and > 0 and <= IPEndPoint.MaxPort => port,
            int port => throw new InvalidInputException($"{MemberPort.Name} {port}: expected a port from 1 to {IPEndPoint.MaxPort}"),
        },
        Security = ReadSecurity(context),
        Note = line => context.Say($"moa: {line}"),
    };

    private static string? Text(CommandContext context) =>
        context.Get(Cluster) ?? (Environment.GetEnvironmentVariable(ConnectionVariable) is { Length: > 0 } variable ? variable : null);

    private static string ReadName(CommandContext context)
    {
        const int Longest = 100;
        string name = context.Get(Name) ?? $"{Environment.MachineName}-{Environment.ProcessId}";
        return name.Length is > 0 and <= Longest && !name.Any(character => char.IsControl(character) || char.IsWhiteSpace(character))
            ? name
            : throw new InvalidInputException($"{Name.Name}: expected 1 to {Longest} characters without white space");
    }

    private static IPAddress? ReadAddress(CommandContext context, Option<string?> option) => context.Get(option) switch
    {
        null => null,
        string text when IPAddress.TryParse(text, out IPAddress? address) => address,
        string text => throw new InvalidInputException($"{option.Name} {text}: expected an IP address"),
    };
}
