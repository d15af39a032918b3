using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>
/// Puts documents with questions to a model: as a conversation by its chat template, or, to a base model without one, as plain text that
/// it goes on with: the document and its question, then the answer on a line of its own.
/// </summary>
internal sealed class QuestionEncoder(LanguageModel model)
{
    private const string LineEnd = "\n";

    /// <summary>Whether the model has no chat template; an answer to a question is then the first line that it writes.</summary>
    /// <exception cref="InvalidInputException">The model has no tokenizer.</exception>
    public bool IsPlainText => !model.RequireConversations().HasTemplate;

    /// <summary>Encodes a question up to where its answer begins.</summary>
    /// <param name="messages">The messages, in order.</param>
    /// <param name="answerStart">What every right answer begins with. A base model gets it as part of the prompt, since nothing else
    /// tells it what is wanted; a chat model writes it itself.</param>
    public int[] EncodePrompt(IReadOnlyList<ChatMessage> messages, string answerStart = "")
    {
        ArgumentNullException.ThrowIfNull(messages);
        return IsPlainText
            ? EncodeText(Lines(messages) + answerStart)
            : model.RequireConversations().EncodePrompt(messages);
    }

    /// <summary>
    /// A generated document with the reference answer at its end, as the model takes it: the conversation itself, or its plain text in
    /// tokens with the answer marked.
    /// </summary>
    public CalibrationItem Document(MessagesItem conversation)
    {
        ArgumentNullException.ThrowIfNull(conversation);
        if (!IsPlainText)
            return conversation;
        string question = Lines(conversation.Messages.SkipLast(1));
        int[] tokens = EncodeText(question + conversation.Messages[^1].Content);
        return new TokensItem(tokens, [new AnswerSpan(tokens.AsSpan().CommonPrefixLength(EncodeText(question)), tokens.Length)])
        {
            Origin = conversation.Origin,
            Source = conversation.Source,
            Dataset = conversation.Dataset,
            Kind = conversation.Kind,
        };
    }

    /// <summary>Counts tokens of documents of one question and one answer, as this model takes them.</summary>
    /// <param name="answerAllowance">Tokens to reserve for an answer that the model is to write; 0 counts the given one.</param>
    /// <exception cref="InvalidInputException">The model has no tokenizer.</exception>
    public TokenCounter CreateCounter(int answerAllowance)
    {
        const string Word = "a";
        Tokenizer tokenizer = model.RequireTokenizer();
        int contents = 2 * tokenizer.Encode(Word, false, false).Length;
        MessagesItem probe = new([new(ChatRole.User, Word), new(ChatRole.Assistant, Word)]);
        int all = new ItemEncoder(model).CountTokens(Document(probe));
        return new TokenCounter(text => tokenizer.Encode(text, false, false).Length)
        {
            TokensPerConversation = Math.Max(0, all - contents) + 2, // words may split differently at the borders
            TokensPerMessage = 0,
            AnswerAllowance = answerAllowance,
            AllowanceIsBesides = IsPlainText,
        };
    }

    private static string Lines(IEnumerable<ChatMessage> messages) => string.Concat(messages.Select(message => message.Content + LineEnd));

    private int[] EncodeText(string text) => model.RequireTokenizer().Encode(text, addSpecialTokens: true, parseSpecialTokens: false);
}
