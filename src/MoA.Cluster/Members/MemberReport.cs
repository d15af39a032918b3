using Orleans.Runtime;

namespace MoA.Cluster.Members;

/// <summary>What a member says of itself.</summary>
[GenerateSerializer, Immutable, Alias("moa.member-report")]
internal sealed record MemberReport
{
    /// <summary>What people call it.</summary>
    [Id(0)]
    public required string Name { get; init; }

    /// <summary>Its address, which is the key of its grains.</summary>
    [Id(1)]
    public required string Address { get; init; }

    /// <summary>IP address and port at which other members reach it.</summary>
    public string Endpoint => SiloAddress.FromParsableString(Address).Endpoint.ToString();

    /// <summary>Version of its program.</summary>
    [Id(2)]
    public required string Version { get; init; }

    /// <summary>What it computes with, as in <c>simd512</c>: sums are added in another order elsewhere.</summary>
    [Id(3)]
    public string Arithmetic { get; init; } = "";

    /// <summary>When it joined.</summary>
    [Id(4)]
    public DateTimeOffset Joined { get; init; }

    /// <summary>Whether it takes nothing new.</summary>
    [Id(5)]
    public bool IsDraining { get; init; }

    /// <summary>Processors that it computes with.</summary>
    [Id(6)]
    public int Threads { get; init; }

    /// <summary>Bytes of memory that the process holds.</summary>
    [Id(7)]
    public long ResidentBytes { get; init; }

    /// <summary>Bytes of memory that the machine could still give.</summary>
    [Id(8)]
    public long AvailableBytes { get; init; }

    /// <summary>Models that it has loaded.</summary>
    [Id(9)]
    public IReadOnlyList<MemberModel> Models { get; init; } = [];

    /// <summary>Its part in searches.</summary>
    [Id(10)]
    public UnitCounts Units { get; init; } = new();

    /// <summary>The conversations that it holds.</summary>
    [Id(11)]
    public ConversationCounts Conversations { get; init; } = new();
}
