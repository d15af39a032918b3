namespace MoA.Engine.Hub;

/// <summary>A model that was brought into the cache, or would be.</summary>
/// <param name="Name">The name that was asked for.</param>
/// <param name="Commit">The commit that the revision is.</param>
/// <param name="Folder">The folder of its files.</param>
/// <param name="Files">The files, those that were there already too.</param>
public sealed record PulledModel(HubName Name, string Commit, string Folder, IReadOnlyList<PulledFile> Files)
{
    /// <summary>Bytes of all files.</summary>
    public long Bytes => Files.Sum(file => file.Bytes);

    /// <summary>Bytes of them that came over the network, or would.</summary>
    public long FetchedBytes => Files.Sum(file => file.FetchedBytes);
}
