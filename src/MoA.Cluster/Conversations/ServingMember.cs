using Microsoft.Extensions.DependencyInjection;
using MoA.Cluster.Hosting;
using MoA.Serving;

namespace MoA.Cluster.Conversations;

/// <summary>This process as a member that takes requests for the whole cluster, and holds conversations itself.</summary>
internal sealed class ServingMember : IAsyncDisposable
{
    // So long those who send requests may take to see that they should be sent elsewhere.
    private static readonly TimeSpan Notice = TimeSpan.FromSeconds(3);

    private readonly MemberHost _member;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _offering;

    private ServingMember(MemberHost member, OfferedModel model)
    {
        _member = member;
        Service = new ClusterService(member);
        _offering = member.Services.GetRequiredService<MembersSeen>().OfferAsync(model with { Fingerprint = Service.Fingerprint }, _end.Token);
    }

    /// <summary>The model of all members that serve it.</summary>
    public ClusterService Service { get; }

    /// <summary>Joins a cluster.</summary>
    /// <param name="connection">Where members find each other.</param>
    /// <param name="options">How this one takes part.</param>
    /// <param name="service">What answers the conversations that it holds; stays the caller's.</param>
    /// <param name="model">The same for members that have no model yet.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="Engine.InvalidInputException">The cluster cannot be joined.</exception>
    public static async Task<ServingMember> JoinAsync(
        ClusterConnection connection, MemberOptions options, ModelService service, OfferedModel model, CancellationToken cancellation = default)
    {
        MemberHost member = await MemberHost.JoinAsync(connection, options, services => HeldConversations.AddTo(services, service), cancellation).ConfigureAwait(false);
        return new ServingMember(member, model);
    }

    /// <inheritdoc cref="MemberHost.UntilAskedToLeaveAsync"/>
    public Task UntilAskedToLeaveAsync(CancellationToken signal) => _member.UntilAskedToLeaveAsync(signal);

    /// <summary>
    /// Leaves without a failed request: its conversations go on elsewhere, while it still takes requests for others to answer; then it takes none, ends those that
    /// are there, and goes.
    /// </summary>
    /// <param name="stopServer">Takes no more requests, and ends those that are there.</param>
    /// <param name="longest">How long what was begun may go on; what is left then goes on at others.</param>
    public async Task LeaveAsync(Func<Task> stopServer, TimeSpan longest)
    {
        _member.State.Drain();
        using CancellationTokenSource end = new(longest);
        await Task.WhenAll(Task.Delay(Notice < longest ? Notice : longest), _member.Services.GetRequiredService<HeldConversations>().LeaveAsync(end.Token)).ConfigureAwait(false);
        await stopServer().ConfigureAwait(false);
        await _member.StopAsync(end.Token).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _offering.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _member.DisposeAsync().ConfigureAwait(false);
        Service.Dispose();
        _end.Dispose();
    }
}
