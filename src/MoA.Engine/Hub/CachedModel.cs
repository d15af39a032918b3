namespace MoA.Engine.Hub;

/// <summary>A model in the cache.</summary>
/// <param name="Repository">Its name.</param>
/// <param name="Snapshots">Each commit that is there.</param>
internal sealed record CachedModel(string Repository, IReadOnlyList<CachedSnapshot> Snapshots);
