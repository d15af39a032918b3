using MoA.Serving.Chat.Replies;

namespace MoA.Serving.Chat;

/// <summary>A conversation as the model is asked to answer it.</summary>
/// <param name="Chat">What was asked.</param>
/// <param name="Request">The same as a request for text.</param>
/// <param name="Tokens">The prompt.</param>
/// <param name="AnswerStart">Where in the prompt the answer begins; behind it, unless the last message goes on.</param>
/// <param name="Start">Where in the answer the prompt ends.</param>
internal sealed record ChatPrompt(ChatRequest Chat, GenerationRequest Request, int[] Tokens, int AnswerStart, ReplyStart Start);
