namespace MoA.Engine.Hub;

/// <summary>What failed on the way and may go well the next time: a broken connection, a busy server.</summary>
/// <param name="message">What happened, in one line.</param>
/// <param name="cause">What was thrown.</param>
/// <param name="wait">How long the server wants to be left alone; null if it does not say.</param>
internal sealed class TransientException(string message, Exception? cause = null, TimeSpan? wait = null) : IOException(message, cause)
{
    /// <summary>How long the server wants to be left alone.</summary>
    public TimeSpan? Wait { get; } = wait;
}
