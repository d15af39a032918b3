namespace MoA.Cluster.Conversations;

/// <summary>What a request needs of the member that is to hold its conversation; travels with the call, for whoever has to choose one.</summary>
[GenerateSerializer, Immutable, Alias("moa.conversation-need")]
internal sealed record ConversationNeed
{
    /// <summary>Under which name calls carry it.</summary>
    public const string Key = "moa.need";

    /// <summary>The model as it is served (<see cref="ServiceFingerprint"/>).</summary>
    [Id(0)]
    public required string Fingerprint { get; init; }

    /// <summary>Bytes of its caches, about.</summary>
    [Id(1)]
    public long Bytes { get; init; }

    /// <summary>Beginnings that it shares with other requests.</summary>
    [Id(2)]
    public IReadOnlyList<ConversationPrefix> Prefixes { get; init; } = [];

    /// <summary>Addresses of members that have sent it on.</summary>
    [Id(3)]
    public IReadOnlyList<string> Avoid { get; init; } = [];
}
