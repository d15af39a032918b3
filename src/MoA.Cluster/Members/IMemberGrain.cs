namespace MoA.Cluster.Members;

/// <summary>A member as others see it. Its key is the member's address, and it lives there and nowhere else.</summary>
[Alias("moa.member")]
internal interface IMemberGrain : IGrainWithStringKey
{
    /// <summary>What the member is and does now.</summary>
    [Alias("report")]
    Task<MemberReport> Report();

    /// <summary>Asks it to leave: it takes nothing new, ends what it has begun, and goes.</summary>
    [Alias("drain")]
    Task Drain();
}
