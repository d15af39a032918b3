namespace MoA.Engine.Generation;

/// <summary>What came of one prompt of many.</summary>
/// <param name="Index">Which of the prompts it was, from 0.</param>
/// <param name="Generation">What was written.</param>
/// <param name="KvBytes">Bytes of its caches.</param>
internal sealed record PromptResult(int Index, GenerationResult Generation, long KvBytes);
