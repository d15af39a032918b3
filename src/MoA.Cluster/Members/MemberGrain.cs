using Orleans.Concurrency;

namespace MoA.Cluster.Members;

/// <inheritdoc cref="IMemberGrain"/>
[OnMember, Reentrant]
internal sealed class MemberGrain(MemberState state) : Grain, IMemberGrain
{
    /// <inheritdoc/>
    public Task<MemberReport> Report() => Task.FromResult(state.Report());

    /// <inheritdoc/>
    public Task Drain()
    {
        state.Drain();
        return Task.CompletedTask;
    }
}
