using Orleans.Placement;

namespace MoA.Cluster.Conversations;

/// <summary>The grain lives where there is room for its caches, or where its beginning has been read already.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class ByCachesAttribute() : PlacementAttribute(new ByCachesPlacement());
