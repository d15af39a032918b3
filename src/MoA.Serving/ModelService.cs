using MoA.Engine.Generation;
using MoA.Serving.Chat;

namespace MoA.Serving;

/// <summary>
/// One model for many callers, who need not know of each other. It owns the thread that runs the model; every member may be called from any
/// thread at any time.
/// </summary>
public sealed class ModelService : IAsyncDisposable
{
    /// <summary>Starts serving a model.</summary>
    /// <param name="model">The model; stays the caller's, and nobody else may run it meanwhile.</param>
    /// <param name="options">How it is served.</param>
    public ModelService(LanguageModel model, ServiceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        Model = model;
        Options = options ?? new ServiceOptions();
    }

    /// <summary>The model.</summary>
    public LanguageModel Model { get; }

    /// <summary>How it is served.</summary>
    public ServiceOptions Options { get; }

    /// <summary>What it does now.</summary>
    public ServiceState State => throw new NotSupportedException();

    /// <summary>Asks for a text that goes on from tokens.</summary>
    /// <exception cref="RequestRefusedException">The request cannot be taken.</exception>
    /// <exception cref="Engine.InvalidInputException">Something in it is out of range.</exception>
    /// <exception cref="ObjectDisposedException">The service was disposed.</exception>
    public TextReply Generate(GenerationRequest request) => throw new NotSupportedException();

    /// <summary>Asks for the answer to a conversation.</summary>
    /// <exception cref="RequestRefusedException">The request cannot be taken.</exception>
    /// <exception cref="Engine.InvalidInputException">The template refuses the conversation, a schema is not supported, or something is out of
    /// range.</exception>
    /// <exception cref="ObjectDisposedException">The service was disposed.</exception>
    public ChatReply Chat(ChatRequest request) => throw new NotSupportedException();

    /// <summary>The tokens of a conversation as <see cref="Chat"/> gives them to the model.</summary>
    public int[] Encode(ChatRequest request) => throw new NotSupportedException();

    /// <summary>The text of a conversation as the model's template writes it.</summary>
    public string Render(ChatRequest request) => throw new NotSupportedException();

    /// <summary>Rows that each KV head keeps, by layer, when a sequence of a capacity holds so many tokens; of all, each would hold every token.</summary>
    public int[][] RowsKept(int tokens, int capacity) => throw new NotSupportedException();

    /// <summary>Takes no more requests, lets those that are there end, and cancels them when time is up.</summary>
    public Task StopAsync(CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>Cancels everything and frees all caches.</summary>
    public ValueTask DisposeAsync() => throw new NotSupportedException();
}
