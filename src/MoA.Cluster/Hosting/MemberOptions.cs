using System.Net;

namespace MoA.Cluster.Hosting;

/// <summary>How a process takes part in a cluster.</summary>
internal sealed record MemberOptions
{
    /// <summary>What people call the member; not necessarily unlike others' names.</summary>
    public required string Name { get; init; }

    /// <summary>Version of the program, which members tell each other.</summary>
    public required string Version { get; init; }

    /// <summary>Address to listen at for other members.</summary>
    public IPAddress Listen { get; init; } = IPAddress.Loopback;

    /// <summary>Address at which others reach this member; null: <see cref="Listen"/>, or an address of this machine where that means all.</summary>
    public IPAddress? Advertise { get; init; }

    /// <summary>Port to listen at for other members; 0 for a free one. The next one is for clients, unless it is taken.</summary>
    public int Port { get; init; }

    /// <summary>Longest wait until the others let it in. Members that were killed are listed for a while, and others wait for them.</summary>
    public TimeSpan LongestJoin { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>How members know each other; null only where nobody else can reach them.</summary>
    public ClusterSecurity? Security { get; init; }

    /// <summary>Told what an operator should know, in one line.</summary>
    public Action<string> Note { get; init; } = static _ => { };
}
