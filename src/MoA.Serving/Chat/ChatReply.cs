namespace MoA.Serving.Chat;

/// <summary>
/// An answer as it is written. Pieces are read once, by one reader; <see cref="Outcome"/> is complete when the answer has ended, whether
/// its pieces were read or not. Disposal cancels what is still being written and frees its caches.
/// </summary>
public abstract class ChatReply : IAsyncEnumerable<ChatPiece>, IAsyncDisposable
{
    /// <summary>The whole answer, when it has ended. After <see cref="Cancel"/> it holds what was written until then.</summary>
    public abstract Task<ChatOutcome> Outcome { get; }

    /// <summary>Completes when the prompt is about to be read, or the request is refused while it waits.</summary>
    public abstract Task Started { get; }

    /// <summary>Tokens of the prompt.</summary>
    public abstract int PromptTokens { get; }

    /// <summary>Tokens of the prompt that have been read so far, kept ones included.</summary>
    public abstract int TokensRead { get; }

    /// <summary>Ends the answer where it stands.</summary>
    public abstract void Cancel();

    /// <inheritdoc/>
    public abstract IAsyncEnumerator<ChatPiece> GetAsyncEnumerator(CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}
