using System.Text.RegularExpressions;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Evaluation.Data;

/// <summary>
/// Prompts as LongBench and LV-Eval make them: a template with the context and the question put in; too long ones lose
/// their middle, since instructions stand at both ends; then the model's chat template, unless the data set or the model has none.
/// </summary>
/// <param name="model">The model whose tokens are counted.</param>
/// <param name="maxTokens">Most tokens before the chat template is added.</param>
internal sealed partial class BenchmarkPrompt(LanguageModel model, int maxTokens)
{
    /// <summary>Tokens that the benchmarks leave of a model's context for the template and the answer.</summary>
    public const int Reserve = 500;

    /// <summary>The prompt's tokens.</summary>
    /// <param name="template">Text with <c>{context}</c> and <c>{input}</c>.</param>
    /// <param name="context">The long text.</param>
    /// <param name="input">The question; may be empty.</param>
    /// <param name="usesChatTemplate">Whether the text becomes a user's message, where the model has a template, or is continued as it is.</param>
    /// <exception cref="InvalidInputException">The model has no tokenizer.</exception>
    public int[] Encode(string template, string context, string input, bool usesChatTemplate)
    {
        string text = Shorten(Fill(template, context, input));
        return usesChatTemplate && model.RequireConversations().HasTemplate
            ? model.RequireConversations().EncodePrompt([new ChatMessage(ChatRole.User, text)])
            : model.RequireTokenizer().Encode(text, addSpecialTokens: true, parseSpecialTokens: false);
    }

    /// <summary>The prompt of a text with a question at its end, and the answer's beginning.</summary>
    /// <param name="context">Everything before the question.</param>
    /// <param name="question">The question; may be empty.</param>
    /// <param name="answerStart">What the answer begins with; may be empty.</param>
    /// <exception cref="InvalidInputException">The model has no tokenizer.</exception>
    public QuestionPrompt Encode(string context, string question, string answerStart)
    {
        string text = Shorten(context + question);
        return text.EndsWith(question, StringComparison.Ordinal)
            ? QuestionPrompt.Encode(model, text[..^question.Length], question, answerStart)
            : new QuestionPrompt(QuestionPrompt.EncodeWhole(model, text, answerStart), 0); // it lost a part itself
    }

    private string Shorten(string text)
    {
        Tokenizer tokenizer = model.RequireTokenizer();
        int[] tokens = tokenizer.Encode(text, addSpecialTokens: true, parseSpecialTokens: false);
        int half = maxTokens / 2;
        return tokens.Length <= maxTokens
            ? text
            : tokenizer.Decode(tokens.AsSpan(0, half), skipSpecialTokens: true) + tokenizer.Decode(tokens.AsSpan(tokens.Length - half), skipSpecialTokens: true);
    }

    /// <summary>Puts the texts into the template, in one pass, so that braces in the texts stay what they are.</summary>
    internal static string Fill(string template, string context, string input) =>
        PlaceHolder().Replace(template, match => match.ValueSpan is "{context}" ? context : input);

    [GeneratedRegex(@"\{context\}|\{input\}")]
    private static partial Regex PlaceHolder();
}
