using System.Text.Json;

namespace MoA.Evaluation.Prompts;

/// <summary>One line of a prompts file, ready to run.</summary>
/// <param name="Id">Text or a whole number: the line's own, else its number in the file.</param>
/// <param name="Prompt">The prompt.</param>
/// <param name="MaxNewTokens">Most tokens to write.</param>
internal sealed record PromptItem(JsonElement Id, EncodedPrompt Prompt, int MaxNewTokens);
