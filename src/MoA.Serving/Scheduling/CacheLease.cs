using MoA.Engine.KvCache;

namespace MoA.Serving.Scheduling;

/// <summary>Caches that a request writes to, and what of its prompt they hold.</summary>
/// <param name="Caches">The caches.</param>
/// <param name="Held">Tokens of the prompt that they hold already.</param>
/// <param name="ReservedBytes">Bytes that are counted for them: what they may grow to.</param>
/// <param name="ReadAgain">Why more was not held though it had been read before; null if it had not.</param>
internal sealed record CacheLease(SequenceCache Caches, int Held, long ReservedBytes, string? ReadAgain);
