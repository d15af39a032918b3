using System.Diagnostics.Metrics;
using MoA.Serving.Telemetry;

namespace MoA.Cluster.Conversations;

/// <summary>What members count of conversations, beside what each service counts for itself.</summary>
internal static class ClusterMeters
{
    private static readonly Meter Meter = new(ServingTelemetry.Name);

    /// <summary>Requests that this member took for the cluster, by the member that answered.</summary>
    public static Counter<long> Answered { get; } = Meter.CreateCounter<long>("moa.cluster.requests", "{request}", "Requests that came in here, by the member that answered them");

    /// <summary>Requests that went on at another member, by why.</summary>
    public static Counter<long> Moved { get; } = Meter.CreateCounter<long>("moa.cluster.moved", "{request}", "Requests that went on at another member, by why");

    /// <summary>Tokens that were read a second time because another member had held the conversation.</summary>
    public static Counter<long> ReadAgain { get; } = Meter.CreateCounter<long>("moa.cluster.read.again", "{token}", "Tokens that were read again because another member had held the conversation");
}
