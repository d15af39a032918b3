namespace MoA.Evaluation.Prompts;

/// <summary>A prompt in a model's tokens.</summary>
/// <param name="Tokens">The tokens.</param>
/// <param name="IsMessage">Whether it was written with the chat template, so that what follows is an answer; else its text is continued.</param>
internal sealed record EncodedPrompt(int[] Tokens, bool IsMessage);
