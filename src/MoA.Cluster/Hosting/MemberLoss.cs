using Orleans.Runtime;

namespace MoA.Cluster.Hosting;

/// <summary>
/// Hears when the cluster goes on without this member. Orleans would end the process with a dump of its threads; here the program ends it,
/// in one line.
/// </summary>
internal sealed class MemberLoss : IFatalErrorHandler
{
    private readonly TaskCompletionSource _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when this process is no member any more, though nobody asked it to leave.</summary>
    public Task Lost => _lost.Task;

    /// <inheritdoc/>
    public bool IsUnexpected(Exception exception) => exception is not OperationCanceledException;

    /// <inheritdoc/>
    public void OnFatalException(object? sender, string? context, Exception? exception) => _lost.TrySetResult();
}
