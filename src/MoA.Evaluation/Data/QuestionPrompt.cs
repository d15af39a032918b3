using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Evaluation.Data;

/// <summary>
/// A prompt of a long context with a question behind it, and the beginning of the answer, which stands after the chat template's header of the
/// assistant, as RULER has it; a model without a template goes on with all of it as one text.
/// </summary>
/// <param name="Tokens">The tokens.</param>
/// <param name="QuestionStart">Tokens before those that hang on the question.</param>
internal readonly record struct QuestionPrompt(int[] Tokens, int QuestionStart)
{
    /// <summary>Encodes a prompt.</summary>
    /// <param name="model">The model that is asked.</param>
    /// <param name="context">What the question is about, with its introduction.</param>
    /// <param name="question">The question.</param>
    /// <param name="answerStart">What the answer begins with; may be empty.</param>
    /// <exception cref="InvalidInputException">The model has no tokenizer.</exception>
    public static QuestionPrompt Encode(LanguageModel model, string context, string question, string answerStart = "")
    {
        ArgumentNullException.ThrowIfNull(model);
        int[] tokens = EncodeWhole(model, context + question, answerStart);
        return new QuestionPrompt(tokens, Math.Min(tokens.AsSpan().CommonPrefixLength(EncodeWhole(model, context, "")), tokens.Length - 1));
    }

    /// <summary>Encodes it without the place of its question.</summary>
    internal static int[] EncodeWhole(LanguageModel model, string text, string answerStart)
    {
        Tokenizer tokenizer = model.RequireTokenizer();
        ConversationEncoder conversations = model.RequireConversations();
        return conversations.HasTemplate
            ? [
                .. conversations.EncodePrompt([new ChatMessage(ChatRole.User, text)]),
                .. answerStart.Length > 0 ? tokenizer.Encode(answerStart.TrimStart('\n'), addSpecialTokens: false, parseSpecialTokens: false) : [],
            ]
            : tokenizer.Encode(text + answerStart, addSpecialTokens: true, parseSpecialTokens: false);
    }
}
