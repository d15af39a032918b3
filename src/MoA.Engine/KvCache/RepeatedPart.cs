namespace MoA.Engine.KvCache;

/// <summary>What a copy of caches is read for a second time: a part of the text whose rows are scored by it.</summary>
/// <param name="Sequence">The caches whose rows these are; the copy began with the same.</param>
/// <param name="Start">Position of the part's first token.</param>
/// <param name="Tokens">Tokens of the part.</param>
/// <param name="SinkTokens">Tokens at the start of the text that are seen besides.</param>
internal sealed record RepeatedPart(SequenceCache Sequence, int Start, int Tokens, int SinkTokens);
