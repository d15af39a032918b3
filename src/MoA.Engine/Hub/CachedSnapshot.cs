namespace MoA.Engine.Hub;

/// <summary>What the cache has of one commit of a model.</summary>
/// <param name="Commit">The commit's hash.</param>
/// <param name="Revisions">Branches and tags that point to it.</param>
/// <param name="Files">Number of files.</param>
/// <param name="Bytes">Bytes of these.</param>
/// <param name="IsFolderModel">Whether it has a <c>config.json</c> and weights beside it.</param>
/// <param name="GgufFiles">Names of its GGUF files.</param>
internal sealed record CachedSnapshot(
    string Commit, IReadOnlyList<string> Revisions, int Files, long Bytes, bool IsFolderModel, IReadOnlyList<string> GgufFiles);
