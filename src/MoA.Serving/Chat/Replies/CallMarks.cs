namespace MoA.Serving.Chat.Replies;

/// <summary>What stands around calls or thoughts.</summary>
/// <param name="Open">What begins them.</param>
/// <param name="Close">What ends them; null where they end by themselves.</param>
/// <param name="TakesNames">Whether a tool's name may stand before its arguments, without an object around both.</param>
internal sealed record CallMarks(string Open, string? Close, bool TakesNames = false);
