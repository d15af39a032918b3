using Orleans.Placement;

namespace MoA.Cluster.Members;

/// <summary>The grain lives at the member whose address is its key.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class OnMemberAttribute() : PlacementAttribute(new OnMemberPlacement());
