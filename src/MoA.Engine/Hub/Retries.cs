namespace MoA.Engine.Hub;

/// <summary>Repeats what fails on the way, after waits that double, until it fails too often without getting on.</summary>
internal sealed class Retries(TimeSpan firstDelay)
{
    private const int Most = 5;

    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(2);

    private int _failures;

    /// <summary>Something came: earlier failures no longer count.</summary>
    public void GotOn() => _failures = 0;

    /// <summary>Waits before the next try.</summary>
    /// <param name="failure">What happened.</param>
    /// <param name="says">Takes what is waited for.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="IOException">It happened too often.</exception>
    public async Task WaitAsync(TransientException failure, Action<string> says, CancellationToken cancellation)
    {
        if (++_failures >= Most)
            throw new IOException($"{failure.Message}; tried {Most} times, run the same command again to go on", failure);
        TimeSpan wait = firstDelay * (1 << (_failures - 1));
        if (failure.Wait is TimeSpan asked && asked > wait)
            wait = asked < LongestWait ? asked : LongestWait;
        says(FormattableString.Invariant($"again in {wait.TotalSeconds:0.#} s: {failure.Message}"));
        await Task.Delay(wait, cancellation).ConfigureAwait(false);
    }

    /// <summary>Does something until it goes well.</summary>
    public static async Task<T> RunAsync<T>(HubSettings settings, Func<Task<T>> work, Action<string> says, CancellationToken cancellation)
    {
        Retries retries = new(settings.FirstRetryDelay);
        while (true)
        {
            try
            {
                return await work().ConfigureAwait(false);
            }
            catch (TransientException failure)
            {
                await retries.WaitAsync(failure, says, cancellation).ConfigureAwait(false);
            }
        }
    }
}
