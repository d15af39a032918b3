using Microsoft.Extensions.DependencyInjection;
using MoA.Cluster.Members;
using Orleans.Concurrency;

namespace MoA.Cluster.Conversations;

/// <inheritdoc cref="IHolderGrain"/>
[OnMember, Reentrant]
internal sealed class HolderGrain(IServiceProvider services) : Grain, IHolderGrain
{
    /// <inheritdoc/>
    public Task Offer(OfferedModel model)
    {
        services.GetService<HeldConversations>()?.Offer(model);
        return Task.CompletedTask;
    }
}
