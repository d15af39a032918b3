namespace MoA.Engine.Hub;

/// <summary>What the hub says of a file.</summary>
/// <param name="Name">Its name in the repository.</param>
/// <param name="Bytes">How long it is.</param>
/// <param name="Hash">The name of its content, 64 hexadecimal digits of SHA-256 or 40 of SHA-1 as git reckons it.</param>
internal sealed record HubFile(string Name, long Bytes, string Hash)
{
    /// <summary>Whether the hash is SHA-256; else it is git's.</summary>
    public bool IsSha256 => Hash.Length == 64;
}
