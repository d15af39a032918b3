namespace MoA.Cluster.Conversations;

/// <summary>A request on its way to the member that holds the conversation.</summary>
[GenerateSerializer, Immutable, Alias("moa.conversation-request")]
internal sealed record ConversationRequest
{
    /// <summary>Its number, the same whoever is asked in the end.</summary>
    [Id(0)]
    public required Guid Id { get; init; }

    /// <summary>Whether a conversation is to be answered; if not, a text goes on.</summary>
    [Id(1)]
    public required bool IsChat { get; init; }

    /// <summary>The request itself, as JSON.</summary>
    [Id(2)]
    public required byte[] Body { get; init; }

    /// <summary>Whether there are earlier answers in it, whose tokens somebody may have kept.</summary>
    [Id(3)]
    public bool HasAnswers { get; init; }

    /// <summary>What it needs of a member.</summary>
    [Id(4)]
    public required ConversationNeed Need { get; init; }

    /// <summary>How many members have sent it on already.</summary>
    [Id(5)]
    public int Sent { get; init; }
}
