using System.Threading.Channels;
using MoA.Engine;
using MoA.Serving;
using MoA.Serving.Chat;

namespace MoA.Cluster.Conversations;

/// <summary>An answer that this member writes for a conversation that it holds; on the grain's scheduler but for <see cref="Cancel"/>.</summary>
#pragma warning disable CA1001 // nothing waits for the source, and it holds nothing of the system's
internal sealed class HeldAnswer(HeldConversations held, ConversationStore store, ConversationRequest request)
#pragma warning restore CA1001
{
    // The end of an answer waits so long until its tokens are stored; then it comes without.
    private static readonly TimeSpan StoringTime = TimeSpan.FromSeconds(2), ReadingTime = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _cancelled = new();

    /// <summary>Ends it where it stands.</summary>
    public void Cancel() => _cancelled.Cancel();

    /// <summary>Writes it; what happens comes out as events, its failures too.</summary>
    public async Task WriteAsync(ChannelWriter<ConversationEvent> events)
    {
        try
        {
            held.NotePrefixes([.. request.Need.Prefixes.Select(static prefix => prefix.Hash)]);
            // What was written here is known, whether it could be stored or not.
            if (request.HasAnswers && store.State.Keys.Count == 0)
                await ReadStoreAsync();
            if (request.IsChat)
                await WriteChatAsync(ConversationJson.Read<ChatRequest>(request.Body), events);
            else
                await WriteTextAsync(ConversationJson.Read<GenerationRequest>(request.Body), events);
        }
        catch (RequestRefusedException refused)
        {
            _ = events.TryWrite(new ConversationEvent { Kind = ConversationEventKind.Refused, Number = (int)refused.Reason, Message = refused.Message });
        }
        catch (InvalidInputException invalid)
        {
            _ = events.TryWrite(new ConversationEvent { Kind = ConversationEventKind.Invalid, Message = invalid.Message });
        }
        catch (OperationCanceledException) when (_cancelled.IsCancellationRequested)
        {
            // Nobody waits for it.
        }
        catch (ObjectDisposedException)
        {
            _ = events.TryWrite(new ConversationEvent { Kind = ConversationEventKind.Refused, Number = (int)RefusalReason.Stopping, Message = $"{held.Name} is being stopped" });
        }
        catch (OutOfMemoryException)
        {
            _ = events.TryWrite(new ConversationEvent
            {
                Kind = ConversationEventKind.Refused,
                Number = (int)RefusalReason.Unavailable,
                Message = $"{held.Name}: there is not enough memory",
            });
        }
        catch (Exception failure)
        {
            _ = events.TryWrite(new ConversationEvent { Kind = ConversationEventKind.Failed, Message = $"{held.Name}: {failure.Message}" });
        }

        events.Complete();
    }

    private async Task WriteChatAsync(ChatRequest chat, ChannelWriter<ConversationEvent> events)
    {
        await using ChatReply reply = held.Service!.Chat(chat with { Answers = request.HasAnswers ? store.State.Answers() : [] });
        using CancellationTokenRegistration registration = _cancelled.Token.UnsafeRegister(static reply => ((ChatReply)reply!).Cancel(), reply);
        await BeginAsync(reply.Started, reply.PromptTokens, events);
        await foreach (ChatPiece piece in reply)
            _ = events.TryWrite(new ConversationEvent { Kind = ConversationEventKind.Piece, Body = ConversationJson.Write(piece) });
        ChatOutcome outcome = await reply.Outcome;
        outcome = outcome with { Usage = Explain(outcome.Usage) };
        if (outcome.Answer is WrittenAnswer answer)
            store.State.Add(answer);
        await EndAsync(outcome.Usage, store.State.Keys.Count > 0);
        _ = events.TryWrite(new ConversationEvent { Kind = ConversationEventKind.Ended, Body = ConversationJson.Write(outcome) });
    }

    private async Task WriteTextAsync(GenerationRequest text, ChannelWriter<ConversationEvent> events)
    {
        await using TextReply reply = held.Service!.Generate(text);
        using CancellationTokenRegistration registration = _cancelled.Token.UnsafeRegister(static reply => ((TextReply)reply!).Cancel(), reply);
        await BeginAsync(reply.Started, reply.PromptTokens, events);
        bool hasScores = false;
        await foreach (GenerationPiece piece in reply)
        {
            WriteScores();
            _ = events.TryWrite(new ConversationEvent { Kind = ConversationEventKind.Piece, Body = ConversationJson.Write(piece) });
        }

        GenerationOutcome outcome = await reply.Outcome;
        WriteScores();
        _ = events.TryWrite(new ConversationEvent { Kind = ConversationEventKind.Ended, Body = ConversationJson.Write(outcome) });

        void WriteScores()
        {
            if (!hasScores && reply.PromptLogProbabilities is { Count: > 0 } scores)
                hasScores = events.TryWrite(new ConversationEvent { Kind = ConversationEventKind.PromptScores, Body = ConversationJson.Write(scores) });
        }
    }

    private async Task BeginAsync(Task started, int promptTokens, ChannelWriter<ConversationEvent> events)
    {
        await started;
        _ = events.TryWrite(new ConversationEvent { Kind = ConversationEventKind.Began, Number = promptTokens, Message = held.Name });
    }

    // Text may be cut into other tokens than it was written in, so nothing is guessed where it may be known.
    private async Task ReadStoreAsync()
    {
        try
        {
            await store.ReadAsync().WaitAsync(ReadingTime, _cancelled.Token);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            throw new RequestRefusedException(
                RefusalReason.Unavailable, $"the tokens of the conversation's earlier answers cannot be read from the storage now ({failure.Message}); try again later");
        }
    }

    // What was read before, wherever that was, and has to be read again.
    private Usage Explain(Usage usage)
    {
        int again = Math.Min(store.State.Length, usage.PromptTokens) - usage.CachedTokens;
        if (store.State.Member.Length == 0 || store.State.Member == held.Name || again <= 0)
            return usage;
        ClusterMeters.ReadAgain.Add(again);
        string why = $"{store.State.Member} held the conversation before";
        held.Note($"{again} tokens of a conversation are read again: {why}");
        return usage with { ReadAgain = why };
    }

    private async Task EndAsync(Usage usage, bool hasAnswers)
    {
        store.State.Member = held.Name;
        store.State.Length = Math.Max(store.State.Length, usage.PromptTokens + usage.NewTokens);
        if (hasAnswers)
            await store.WriteAsync(StoringTime);
    }
}
