namespace MoA.Serving.Prefixes;

/// <summary>A prefix in a file.</summary>
/// <param name="Path">The file.</param>
/// <param name="Tokens">The tokens that its caches hold.</param>
/// <param name="Bytes">Bytes of the caches in memory.</param>
/// <param name="FileBytes">Bytes of the file.</param>
internal sealed record SavedPrefix(string Path, int[] Tokens, long Bytes, long FileBytes);
