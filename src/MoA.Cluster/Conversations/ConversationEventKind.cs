namespace MoA.Cluster.Conversations;

/// <summary>The kinds of <see cref="ConversationEvent"/>.</summary>
[GenerateSerializer, Alias("moa.conversation-event-kind")]
internal enum ConversationEventKind
{
    /// <summary>The prompt is about to be read.</summary>
    Began,

    /// <summary>The likelihoods of the prompt's tokens.</summary>
    PromptScores,

    /// <summary>More was written.</summary>
    Piece,

    /// <summary>It came to its end.</summary>
    Ended,

    /// <summary>It is not taken.</summary>
    Refused,

    /// <summary>Something in it is wrong.</summary>
    Invalid,

    /// <summary>Something went wrong at the member.</summary>
    Failed,

    /// <summary>Another member is to be asked.</summary>
    SentOn,
}
