namespace MoA.Engine.Tokenization;

/// <summary>A conversation as token ids.</summary>
/// <param name="Tokens">The ids, as generation would have seen them: each answer encoded apart from its prompt.</param>
/// <param name="Answers">The assistant's answers, in order and without overlap.</param>
internal sealed record EncodedConversation(int[] Tokens, IReadOnlyList<AnswerSpan> Answers);
