namespace MoA.Cluster.Conversations;

/// <summary>A conversation, which lives at the member that has its caches. Its key is what tells it from others (<see cref="ConversationKey"/>).</summary>
[Alias("moa.conversation")]
internal interface IConversationGrain : IGrainWithStringKey
{
    /// <summary>Answers a request, event by event.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="cancellation">Ends the answer and frees its caches.</param>
    [Alias("answer")]
    IAsyncEnumerable<ConversationEvent> Answer(ConversationRequest request, CancellationToken cancellation);

    /// <summary>Ends an answer where it stands; its events go on to its end.</summary>
    /// <param name="request">The request's number.</param>
    [Alias("stop")]
    Task Stop(Guid request);

    /// <summary>Asks the conversation to live elsewhere from its next request on; at once, if nothing is being written.</summary>
    [Alias("leave")]
    Task Leave();
}
