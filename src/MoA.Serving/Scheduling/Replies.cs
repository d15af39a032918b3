using System.Threading.Channels;

namespace MoA.Serving.Scheduling;

/// <summary>What replies of both kinds have in common.</summary>
internal static class Replies
{
    /// <summary>A channel that a slow reader cannot fill: it holds what a request's new tokens are at most.</summary>
    public static Channel<T> NewChannel<T>() =>
        Channel.CreateUnbounded<T>(new UnboundedChannelOptions { SingleWriter = true, SingleReader = true });

    /// <summary>An outcome whose continuations do not run on the scheduler's thread, and whose failure nobody has to look at.</summary>
    public static TaskCompletionSource<T> NewOutcome<T>()
    {
        TaskCompletionSource<T> outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = outcome.Task.ContinueWith(
            static ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        return outcome;
    }

    /// <summary>Reads all pieces; who gives up reading cancels the run.</summary>
    public static async IAsyncEnumerator<T> Read<T>(ChannelReader<T> pieces, Action cancel, CancellationToken cancellation)
    {
        using CancellationTokenRegistration registration = cancellation.Register(cancel);
        bool ended = false;
        try
        {
            // Cancelled, the run ends by itself and completes its channel: what was written until then is read.
            while (await pieces.WaitToReadAsync(CancellationToken.None).ConfigureAwait(false))
            {
                while (pieces.TryRead(out T? piece))
                    yield return piece;
            }

            ended = true;
        }
        finally
        {
            if (!ended)
                cancel();
        }

        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Cancels a run and waits until its caches are free.</summary>
    public static async ValueTask End(Action cancel, Task outcome)
    {
        cancel();
        await outcome.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
