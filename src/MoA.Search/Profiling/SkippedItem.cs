namespace MoA.Search.Profiling;

/// <summary>An item that was not used at a length.</summary>
/// <param name="Length">N in tokens.</param>
/// <param name="Origin">Where the item comes from.</param>
/// <param name="Tokens">The item's length n in tokens.</param>
/// <param name="Reason">Why.</param>
public sealed record SkippedItem(int Length, string Origin, int Tokens, SkipReason Reason);
