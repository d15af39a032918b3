namespace MoA.Cluster.Conversations;

/// <summary>A member as one that may hold conversations. Its key is the member's address, and it lives there and nowhere else.</summary>
[Alias("moa.holder")]
internal interface IHolderGrain : IGrainWithStringKey
{
    /// <summary>Tells a member without a model of one that it may hold conversations of; it opens it by and by, or not.</summary>
    [Alias("offer")]
    Task Offer(OfferedModel model);
}
