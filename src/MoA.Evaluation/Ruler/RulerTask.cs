namespace MoA.Evaluation.Ruler;

/// <summary>One of RULER's tasks.</summary>
/// <param name="Name">The published name, such as <c>niah_single_1</c>.</param>
/// <param name="Kind">needle, chain, common, coded or documents.</param>
/// <param name="Haystack">What needles stand in: noise, essays or other needles.</param>
/// <param name="Keys">What keys are: words or uuids.</param>
/// <param name="Values">What values are: numbers or uuids.</param>
/// <param name="KeyCount">Keys that have needles.</param>
/// <param name="ValueCount">Values of each key.</param>
/// <param name="QueryCount">Keys that are asked for.</param>
/// <param name="File">The published file that it needs, or null.</param>
internal sealed record RulerTask(
    string Name, string Kind, string Haystack = "", string Keys = "", string Values = "", int KeyCount = 1, int ValueCount = 1, int QueryCount = 1, string? File = null);
