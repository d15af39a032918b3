using Microsoft.Extensions.DependencyInjection;
using MoA.Cluster.Members;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace MoA.Cluster.Conversations;

/// <summary>Places conversations by what members say of their memory, of the requests that wait there, and of what they have read (<see cref="MemberChoice"/>).</summary>
[GenerateSerializer, Immutable, Alias("moa.by-caches")]
internal sealed class ByCachesPlacement : PlacementStrategy
{
    /// <summary>Makes it known to a silo, whether that holds conversations or only sends them on.</summary>
    public static void AddTo(IServiceCollection services)
    {
        _ = services.AddSingleton<MembersSeen>();
        services.AddPlacementDirector<ByCachesPlacement, Director>();
    }

    private sealed class Director(MembersSeen seen) : IPlacementDirector
    {
        public async Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
        {
            if (target.RequestContextData?.GetValueOrDefault(ConversationNeed.Key) is not ConversationNeed need)
                throw new MemberLostException("no member holds the conversation any more");
            HashSet<string> compatible = [.. context.GetCompatibleSilos(target).Select(static silo => silo.ToParsableString())];
            MemberCandidate[] members = [.. (await seen.ReadAsync(need.Fingerprint)).Where(member => compatible.Contains(member.Address))];
            MemberCandidate chosen = MemberChoice.Choose(members, need, Random.Shared)
                ?? throw new MemberLostException("no member that serves the model takes conversations now");
            seen.NoteGiven(chosen.Address, need.Bytes);
            return SiloAddress.FromParsableString(chosen.Address);
        }
    }
}
