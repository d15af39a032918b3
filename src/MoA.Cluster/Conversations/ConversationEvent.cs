namespace MoA.Cluster.Conversations;

/// <summary>What happens to a request at the member that holds its conversation.</summary>
[GenerateSerializer, Immutable, Alias("moa.conversation-event")]
internal sealed record ConversationEvent
{
    /// <summary>What happened.</summary>
    [Id(0)]
    public required ConversationEventKind Kind { get; init; }

    /// <summary>The piece or the outcome, as JSON.</summary>
    [Id(1)]
    public byte[] Body { get; init; } = [];

    /// <summary>Who it is that begins; an error's message; or the address of the member that sends the request on.</summary>
    [Id(2)]
    public string Message { get; init; } = "";

    /// <summary>At the beginning, the prompt's tokens; of a refusal, its reason.</summary>
    [Id(3)]
    public int Number { get; init; }
}
