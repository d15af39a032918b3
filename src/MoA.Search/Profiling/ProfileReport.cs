namespace MoA.Search.Profiling;

/// <summary>What profiling did.</summary>
/// <param name="Results">One for each length, in the order asked for.</param>
/// <param name="Skipped">The items not used, by length, in the order of the items.</param>
internal sealed record ProfileReport(IReadOnlyList<ProfileResult> Results, IReadOnlyList<SkippedItem> Skipped);
