using Microsoft.Extensions.DependencyInjection;
using MoA.Cluster.Members;
using Orleans.Concurrency;

namespace MoA.Cluster.Units;

/// <inheritdoc cref="IUnitGrain"/>
[OnMember, Reentrant]
internal sealed class UnitGrain(IServiceProvider services, MemberState member) : Grain, IUnitGrain
{
    private readonly UnitRunner? _runner = services.GetService<UnitRunner>();

    /// <inheritdoc/>
    public Task<UnitReply> Ask(UnitCall call) => _runner?.AskAsync(call, member.IsDraining)
        ?? Task.FromResult(new UnitReply { State = UnitState.Refused, Reason = "computes no units of searches" });

    /// <inheritdoc/>
    public Task<byte[]?> Read(string key, int offset) => Task.FromResult(_runner?.Read(key, offset));

    /// <inheritdoc/>
    public Task Drop(IReadOnlyList<string> keys)
    {
        _runner?.Drop(keys);
        return Task.CompletedTask;
    }
}
