using Microsoft.Extensions.Hosting;

namespace MoA.Cluster.Hosting;

/// <summary>A host that listens to no signals: the program itself does, and says when it ends.</summary>
internal sealed class NoLifetime : IHostLifetime
{
    /// <inheritdoc/>
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
