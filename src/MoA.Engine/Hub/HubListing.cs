namespace MoA.Engine.Hub;

/// <summary>A revision of a repository.</summary>
/// <param name="Commit">The commit that it is now.</param>
/// <param name="Files">Names of the files, as the hub gives them: they may be anything.</param>
internal sealed record HubListing(string Commit, IReadOnlyList<string> Files);
