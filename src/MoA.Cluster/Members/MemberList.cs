using Orleans.Runtime;

namespace MoA.Cluster.Members;

/// <summary>Asks all members of a cluster.</summary>
internal static class MemberList
{
    /// <summary>The members that are there now, by name; one that does not answer is left out.</summary>
    /// <param name="grains">Calls grains.</param>
    public static async Task<IReadOnlyList<MemberReport>> ReadAsync(IGrainFactory grains)
    {
        ArgumentNullException.ThrowIfNull(grains);
        Dictionary<SiloAddress, SiloStatus> silos = await grains.GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true).ConfigureAwait(false);
        MemberReport?[] reports = await Task.WhenAll(silos.Keys.Select(silo => ReportAsync(grains, silo))).ConfigureAwait(false);
        return [.. reports.OfType<MemberReport>().OrderBy(report => report.Name, StringComparer.Ordinal).ThenBy(report => report.Address, StringComparer.Ordinal)];
    }

    private static async Task<MemberReport?> ReportAsync(IGrainFactory grains, SiloAddress silo)
    {
        try
        {
            return await grains.GetGrain<IMemberGrain>(silo.ToParsableString()).Report().WaitAsync(TimeSpan.FromSeconds(5)).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is MemberLostException or OrleansException or TimeoutException)
        {
            return null;
        }
    }
}
