using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace MoA.Cluster.Members;

/// <summary>Places a grain at the member whose address is its key.</summary>
[GenerateSerializer, Immutable, Alias("moa.on-member")]
internal sealed class OnMemberPlacement : PlacementStrategy
{
    /// <summary>Makes it known to a silo.</summary>
    public static void AddTo(IServiceCollection services) => services.AddPlacementDirector<OnMemberPlacement, Director>();

    private sealed class Director : IPlacementDirector
    {
        public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
        {
            string key = target.GrainIdentity.Key.ToString()!;
            SiloAddress address = SiloAddress.FromParsableString(key);
            return context.GetCompatibleSilos(target).Contains(address)
                ? Task.FromResult(address)
                : Task.FromException<SiloAddress>(new MemberLostException($"{key}: no member of the cluster any more"));
        }
    }
}
