namespace MoA.Engine.Generation;

/// <summary>One prompt of many.</summary>
/// <param name="Prompt">Its tokens, at least 1.</param>
/// <param name="Options">What to write.</param>
internal sealed record PromptRequest(int[] Prompt, GenerationOptions Options);
