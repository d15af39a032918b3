using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Extensions.AI.Mapping;
using MoA.Serving;
using MoA.Serving.Chat;

namespace MoA.Extensions.AI;

/// <summary>
/// A model of this process as an <see cref="IChatClient"/>. It holds no state: every call sends the whole conversation, and what of it the service
/// has read already is found in kept caches. Every member may be called from any thread, by many callers at once.
/// </summary>
/// <remarks>
/// What of <see cref="ChatOptions"/> cannot be honoured is refused by name; a call that returns has honoured all that it was given. Background responses
/// are not offered, so <see cref="ChatOptions.AllowBackgroundResponses"/> changes nothing, as its contract says.
/// </remarks>
public sealed class MoAChatClient : IChatClient
{
    /// <summary>Under this name the properties of an answer's message, and of a stream's last update, tell the caches' bytes as a share of dense attention's.</summary>
    public const string DensityKey = "moa.density";

    private readonly bool _ownsService;
    private readonly ChatClientMetadata _metadata;
    private readonly RequestReader _reader;
    private bool _disposed;

    /// <summary>Makes a client of a service.</summary>
    /// <param name="service">The service; other clients may share it.</param>
    /// <param name="ownsService">Whether the service ends with the client. If not, it stays the caller's.</param>
    public MoAChatClient(ModelService service, bool ownsService = false)
    {
        ArgumentNullException.ThrowIfNull(service);
        Service = service;
        _ownsService = ownsService;
        _metadata = new ChatClientMetadata("moa", defaultModelId: service.Name);
        _reader = new RequestReader(service);
    }

    /// <summary>What runs the model.</summary>
    public ModelService Service { get; }

    /// <summary>Answers a conversation.</summary>
    /// <exception cref="NotSupportedException">An option, a content or a tool is of a kind that is not supported; it is named.</exception>
    /// <exception cref="InvalidInputException">A value is out of range, a schema is not supported, or the template refuses the conversation.</exception>
    /// <exception cref="RequestRefusedException">The context is too long, the queue is full, or the service is being stopped.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the service was disposed meanwhile.</exception>
    /// <exception cref="ObjectDisposedException">The client or the service was disposed before.</exception>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        AnswerWriter writer = new(Service.Name, options);
        await using ChatReply reply = Ask(messages, options, cancellationToken);
        await using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static reply => ((ChatReply)reply!).Cancel(), reply);
        return writer.Response(RequireWhole(await reply.Outcome.ConfigureAwait(false), cancellationToken));
    }

    /// <summary>Answers a conversation as the answer is written; who stops reading cancels it.</summary>
    /// <exception cref="NotSupportedException">An option, a content or a tool is of a kind that is not supported; it is named.</exception>
    /// <exception cref="InvalidInputException">A value is out of range, a schema is not supported, or the template refuses the conversation.</exception>
    /// <exception cref="RequestRefusedException">The context is too long, the queue is full, or the service is being stopped.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the service was disposed meanwhile; what was written until then has been read.</exception>
    /// <exception cref="ObjectDisposedException">The client or the service was disposed before.</exception>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return StreamAsync(messages, options, cancellationToken);
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(ChatClientMetadata) ? _metadata
            : serviceType == typeof(ModelService) ? Service
            : serviceType == typeof(LanguageModel) ? Service.Model
            : serviceType.IsInstanceOfType(this) ? this
            : null;
    }

    /// <summary>Takes no more calls. A service that the client owns ends too: it cancels what is being written, frees all caches and is waited for.</summary>
    public void Dispose()
    {
        if (!Interlocked.Exchange(ref _disposed, true) && _ownsService)
            Service.Dispose();
    }

    private async IAsyncEnumerable<ChatResponseUpdate> StreamAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        AnswerWriter writer = new(Service.Name, options);
        await using ChatReply reply = Ask(messages, options, cancellationToken);
        await foreach (ChatPiece piece in reply.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (writer.Update(piece) is ChatResponseUpdate update)
                yield return update;
        }

        yield return writer.Last(RequireWhole(await reply.Outcome.ConfigureAwait(false), cancellationToken));
    }

    private ChatReply Ask(IEnumerable<ChatMessage> messages, ChatOptions? options, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(_disposed, this);
        return Service.Chat(_reader.Read(this, messages, options));
    }

    // Never a part of an answer as if it were all.
    private static ChatOutcome RequireWhole(ChatOutcome outcome, CancellationToken cancellation)
    {
        if (outcome.Finish != ChatFinish.Cancelled)
            return outcome;
        cancellation.ThrowIfCancellationRequested();
        throw new OperationCanceledException("the service was disposed, or stopped in haste, while it wrote the answer");
    }
}
