namespace MoA.Engine.Hub;

/// <summary>A file of a model that is now in the cache, or would be.</summary>
/// <param name="Name">Its name in the repository.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="FetchedBytes">Bytes that came over the network, or would; 0 if it was there.</param>
/// <param name="Hash">64 digits of SHA-256, or 40 of git's SHA-1.</param>
public sealed record PulledFile(string Name, long Bytes, long FetchedBytes, string Hash);
