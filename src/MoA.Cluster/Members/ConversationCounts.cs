namespace MoA.Cluster.Members;

/// <summary>Conversations at a member.</summary>
[GenerateSerializer, Immutable, Alias("moa.conversation-counts")]
internal sealed record ConversationCounts
{
    /// <summary>Conversations that live there.</summary>
    [Id(0)]
    public int Held { get; init; }

    /// <summary>Texts that are being written.</summary>
    [Id(1)]
    public int Running { get; init; }

    /// <summary>Requests that wait for room.</summary>
    [Id(2)]
    public int Waiting { get; init; }

    /// <summary>Bytes of KV caches, kept ones included.</summary>
    [Id(3)]
    public long CacheBytes { get; init; }

    /// <summary>Most bytes of KV caches; 0 where it holds no conversations.</summary>
    [Id(4)]
    public long CacheLimit { get; init; }

    /// <summary>Those of the bytes that are kept for nobody in particular and give way.</summary>
    [Id(5)]
    public long KeptBytes { get; init; }

    /// <summary>The model as it is served there; empty where none is.</summary>
    [Id(6)]
    public string Fingerprint { get; init; } = "";

    /// <summary>Hashes of beginnings that were read there lately.</summary>
    [Id(7)]
    public IReadOnlyList<ulong> Prefixes { get; init; } = [];

    /// <summary>Whether it would open a model that a server offers.</summary>
    [Id(8)]
    public bool TakesOffers { get; init; }

    /// <summary>Models that it cannot open.</summary>
    [Id(9)]
    public IReadOnlyList<string> Refused { get; init; } = [];

    /// <summary>Whether requests wait until others end.</summary>
    [Id(10)]
    public bool IsFull { get; init; }
}
