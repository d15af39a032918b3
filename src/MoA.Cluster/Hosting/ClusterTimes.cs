using Orleans.Configuration;

namespace MoA.Cluster.Hosting;

/// <summary>How long members wait for each other.</summary>
internal static class ClusterTimes
{
    /// <summary>After so long without an answer a call has failed: longer than any that waits for something is held open.</summary>
    public static readonly TimeSpan Response = TimeSpan.FromSeconds(30);

    /// <summary>A member that does not answer is given up after about ten seconds; one that was killed leaves the list as soon as others have noticed.</summary>
    public static void Apply(ClusterMembershipOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ProbeTimeout = TimeSpan.FromSeconds(3);
        options.NumMissedProbesLimit = 3;
        options.TableRefreshTimeout = TimeSpan.FromSeconds(10);
        // Who starts after all members were killed waits until their last signs of life are three times as old.
        options.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(5);
        options.DefunctSiloExpiration = TimeSpan.FromDays(1);
        options.MaxJoinAttemptTime = TimeSpan.FromMinutes(1);
    }
}
