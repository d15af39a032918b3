using MoA.Engine.Generation;

namespace MoA.Serving;

/// <summary>
/// A text as it is written. Pieces are read once, by one reader; <see cref="Outcome"/> is complete when the text has ended, whether its
/// pieces were read or not. Disposal cancels what is still being written and frees its caches.
/// </summary>
public abstract class TextReply : IAsyncEnumerable<GenerationPiece>, IAsyncDisposable
{
    /// <summary>The whole text, when it has ended. After <see cref="Cancel"/> it holds what was written until then.</summary>
    public abstract Task<GenerationOutcome> Outcome { get; }

    /// <summary>Completes when the prompt is about to be read, or the request is refused while it waits.</summary>
    public abstract Task Started { get; }

    /// <summary>Tokens of the prompt.</summary>
    public abstract int PromptTokens { get; }

    /// <summary>Tokens of the prompt that have been read so far, kept ones included.</summary>
    public abstract int TokensRead { get; }

    /// <summary>How likely the prompt's tokens behind its first were, if that was asked for: from the first piece on, or from the end. Before, and else, empty.</summary>
    public abstract IReadOnlyList<TokenLogProbability> PromptLogProbabilities { get; }

    /// <summary>Ends the text where it stands.</summary>
    public abstract void Cancel();

    /// <inheritdoc/>
    public abstract IAsyncEnumerator<GenerationPiece> GetAsyncEnumerator(CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}
