namespace MoA.Serving.Prefixes;

/// <summary>A prefix in a file.</summary>
/// <param name="Path">The file.</param>
/// <param name="Tokens">The tokens that its caches hold.</param>
/// <param name="Capacity">The capacity of the caches: the N of the rules that chose their rows.</param>
/// <param name="Bytes">Bytes of the caches in memory.</param>
/// <param name="FileBytes">Bytes of the file.</param>
internal sealed record SavedPrefix(string Path, int[] Tokens, int Capacity, long Bytes, long FileBytes);
