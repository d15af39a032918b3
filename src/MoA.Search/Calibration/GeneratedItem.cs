namespace MoA.Search.Calibration;

/// <summary>A generated document with its question and its reference answer.</summary>
/// <param name="Conversation">The user's text and the answer, for several questions in turn; it ends with an answer.</param>
/// <param name="Kind">The sort of document.</param>
/// <param name="Depth">Where the fact lies that the last question asks for, from 0 (start) to 1 (end of the document); for
/// articles, which need all of it, 0.</param>
/// <param name="ExpectedAnswer">The last assistant message.</param>
/// <param name="ExpectedValue">The number the last answer must name, if it is one number.</param>
/// <param name="Tokens">Tokens of the whole conversation as the <see cref="TokenCounter"/> counts.</param>
internal sealed record GeneratedItem(
    MessagesItem Conversation, DocumentKind Kind, double Depth, string ExpectedAnswer, int? ExpectedValue, int Tokens);
