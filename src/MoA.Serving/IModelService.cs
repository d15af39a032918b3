using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Serving.Chat;

namespace MoA.Serving;

/// <summary>One model for many callers: run by this process (<see cref="ModelService"/>), or by many. Every member may be called from any thread at any time.</summary>
public interface IModelService
{
    /// <summary>The model.</summary>
    LanguageModel Model { get; }

    /// <summary>What callers call the model.</summary>
    string Name { get; }

    /// <summary>How it is served.</summary>
    ServiceOptions Options { get; }

    /// <summary>Most tokens of prompt and answer together that are ever taken: what the model was made for, or what all memory for caches holds.</summary>
    int ContextLength { get; }

    /// <summary>What it does now.</summary>
    ServiceState State { get; }

    /// <summary>Asks for a text that goes on from tokens.</summary>
    /// <exception cref="RequestRefusedException">The request cannot be taken.</exception>
    /// <exception cref="InvalidInputException">Something in it is out of range.</exception>
    /// <exception cref="ObjectDisposedException">The service was disposed.</exception>
    TextReply Generate(GenerationRequest request);

    /// <summary>Asks for the answer to a conversation.</summary>
    /// <exception cref="RequestRefusedException">The request cannot be taken.</exception>
    /// <exception cref="InvalidInputException">The template refuses the conversation, a schema is not supported, or something is out of
    /// range.</exception>
    /// <exception cref="ObjectDisposedException">The service was disposed.</exception>
    ChatReply Chat(ChatRequest request);

    /// <summary>The tokens of a conversation as <see cref="Chat"/> gives them to the model.</summary>
    /// <exception cref="InvalidInputException">The template refuses the conversation.</exception>
    int[] Encode(ChatRequest request);

    /// <summary>The text of a conversation as the model's template writes it.</summary>
    /// <exception cref="InvalidInputException">The template refuses the conversation.</exception>
    string Render(ChatRequest request);

    /// <summary>Rows that each KV head keeps, by layer, when a sequence of a capacity holds so many tokens; of all, each would hold every token.</summary>
    /// <param name="tokens">Tokens that it holds, up to the capacity.</param>
    /// <param name="capacity">Prompt and new tokens together.</param>
    int[][] RowsKept(int tokens, int capacity);

    /// <summary>Takes no more requests and lets those that are there end; cancels them where they stand when <paramref name="cancellation"/> fires.</summary>
    Task StopAsync(CancellationToken cancellation = default);
}
