namespace MoA.Cluster.Conversations;

/// <summary>A beginning that a request shares with others.</summary>
/// <param name="Hash">What tells it from other beginnings.</param>
/// <param name="Tokens">Its length in tokens, about: what has to be read where it was not.</param>
[GenerateSerializer, Immutable, Alias("moa.conversation-prefix")]
internal readonly record struct ConversationPrefix([property: Id(0)] ulong Hash, [property: Id(1)] int Tokens);
