namespace MoA.Engine.Hub;

/// <summary>How far a model has come.</summary>
/// <param name="Item">The file that just got on, and what is waited for, if anything is.</param>
/// <param name="DoneBytes">Bytes that are there, of the files known so far.</param>
/// <param name="TotalBytes">Bytes of these files.</param>
public sealed record PullProgress(string Item, long DoneBytes, long TotalBytes);
