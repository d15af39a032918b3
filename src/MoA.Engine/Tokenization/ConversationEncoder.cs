namespace MoA.Engine.Tokenization;

/// <summary>
/// Conversations to token ids by a model's chat template. Special tokens that the template writes are parsed; the same
/// text within a message stays text. Safe to share between threads.
/// </summary>
public sealed class ConversationEncoder
{
    private const string Assistant = "assistant";

    private readonly Tokenizer _tokenizer;
    private readonly ChatTemplate? _template;

    /// <summary>Creates an encoder.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="template">The model's chat template; null where it has none, in which case encoding is refused.</param>
    public ConversationEncoder(Tokenizer tokenizer, ChatTemplate? template)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _tokenizer = tokenizer;
        _template = template;
        EndOfTurnIds = FindEndOfTurn();
    }

    /// <summary>Whether the model has a chat template.</summary>
    public bool HasTemplate => _template is not null;

    /// <summary>The special token that the template writes after an answer; empty where it writes none.</summary>
    public IReadOnlySet<int> EndOfTurnIds { get; }

    /// <summary>
    /// Encodes a conversation with its answers marked. An answer begins after the generation prompt (the assistant's
    /// header), is encoded apart from what is before it, and ends with its end-of-turn token.
    /// </summary>
    /// <param name="messages">The messages, in order.</param>
    /// <exception cref="InvalidInputException">
    /// The model has no chat template, or the template refuses the conversation or does not print an answer.
    /// </exception>
    public EncodedConversation Encode(IReadOnlyList<ChatMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var conversation = GuardedConversation.Create(messages, _tokenizer);
        string text = Template.Render(conversation.Messages, addGenerationPrompt: false);
        var tokens = new List<int>();
        var answers = new List<AnswerSpan>();
        int from = 0;
        foreach ((int start, int end) in FindAnswers(conversation, text))
        {
            Append(text[from..start], conversation, tokens);
            int first = tokens.Count;
            Append(text[start..end], conversation, tokens);
            answers.Add(new(first, tokens.Count));
            from = end;
        }

        Append(text[from..], conversation, tokens);
        return new([.. tokens], answers);
    }

    /// <summary>Encodes a conversation up to where the assistant's next answer begins.</summary>
    /// <param name="messages">The messages, in order.</param>
    /// <exception cref="InvalidInputException">The model has no chat template, or it refuses the conversation.</exception>
    public int[] EncodePrompt(IReadOnlyList<ChatMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var conversation = GuardedConversation.Create(messages, _tokenizer);
        var tokens = new List<int>();
        Append(Template.Render(conversation.Messages, addGenerationPrompt: true), conversation, tokens);
        return [.. tokens];
    }

    private ChatTemplate Template => _template ?? throw new InvalidInputException(
        "the model has no chat template, so it cannot take conversations; give plain text or tokens, or a model with one");

    // Text that goes on after text, rather than after a special token, gets no prefix space.
    private void Append(string text, GuardedConversation conversation, List<int> tokens)
    {
        (string clean, int[] guards) = conversation.RemoveGuards(text);
        bool continues = tokens.Count > 0 && !_tokenizer.IsSpecial(tokens[^1]);
        tokens.AddRange(_tokenizer.Encode(clean, guards, continues));
    }

    private List<(int Start, int End)> FindAnswers(GuardedConversation conversation, string text)
    {
        var answers = new List<(int Start, int End)>();
        (int Start, int End)[] specials = FindSpecialTokens(conversation, text);
        int searched = 0;
        for (int i = 0; i < conversation.Messages.Count; i++)
        {
            ChatMessage message = conversation.Messages[i];
            string content = message.Content.Trim();
            int printed = text.IndexOf(content, searched, StringComparison.Ordinal);
            if (message.Role != Assistant)
            {
                searched = printed < 0 ? searched : printed + content.Length;
                continue;
            }

            int start = PromptLength(conversation.Messages, i, text);
            if (start < searched)
            {
                // The prompt is no prefix of the whole text, so the answer is what the template printed of the content.
                start = printed >= 0 ? printed : throw new InvalidInputException(
                    $"the chat template does not print message {i + 1}, an answer, as it is; where the answer begins cannot be told");
            }

            int found = text.IndexOf(content, start, StringComparison.Ordinal);
            int end = EndOfTurn(text, found < 0 ? start : found + content.Length, specials, mayFollowText: found < 0);
            answers.Add((start, end));
            searched = end;
        }

        return answers;
    }

    // How far the text is the prompt of an answer, generation prompt included; -1 where the template writes it differently.
    private int PromptLength(IReadOnlyList<ChatMessage> messages, int answer, string text)
    {
        try
        {
            string prompt = Template.Render([.. messages.Take(answer)], addGenerationPrompt: true);
            return text.StartsWith(prompt, StringComparison.Ordinal) ? prompt.Length : -1;
        }
        catch (InvalidInputException)
        {
            return -1; // templates refuse a prompt without messages, or one that does not end with a question
        }
    }

    // The end of the special token that follows an answer's text, with nothing but white space between.
    private static int EndOfTurn(string text, int end, (int Start, int End)[] specials, bool mayFollowText)
    {
        int next = Array.FindIndex(specials, special => special.Start >= end);
        if (next < 0)
            return mayFollowText ? text.Length : end;
        bool follows = mayFollowText || string.IsNullOrWhiteSpace(text[end..specials[next].Start]);
        return follows ? specials[next].End : end;
    }

    // Special tokens in a text with guards: a token that a message wrote has a guard in it.
    private (int Start, int End)[] FindSpecialTokens(GuardedConversation conversation, string text) =>
        [.. _tokenizer.FindSpecialTokens(text).Where(span => span.Start == 0 || text[span.Start - 1] != conversation.Guard)
            .Select(span => (span.Start, span.End))];

    private HashSet<int> FindEndOfTurn()
    {
        if (_template is null)
            return [];
        try
        {
            EncodedConversation probe = Encode([new("user", "question"), new(Assistant, "answer")]);
            int last = probe.Answers is [var answer] && answer.End > answer.Start ? probe.Tokens[answer.End - 1] : -1;
            return _tokenizer.IsSpecial(last) ? [last] : [];
        }
        catch (InvalidInputException)
        {
            return []; // a template that needs other roles says so when it is used
        }
    }
}
