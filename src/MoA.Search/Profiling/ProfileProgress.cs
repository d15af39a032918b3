namespace MoA.Search.Profiling;

/// <summary>An item has been profiled and its share is stored.</summary>
/// <param name="Length">Length N that is being profiled, in tokens.</param>
/// <param name="Item">The item's number among those used at this length, from 1.</param>
/// <param name="Count">Items used at this length.</param>
/// <param name="Tokens">Tokens of the item.</param>
/// <param name="Loss">The item's loss in nats.</param>
/// <param name="Done">Items finished at all lengths, by earlier runs too.</param>
internal sealed record ProfileProgress(int Length, int Item, int Count, int Tokens, double Loss, int Done);
