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
    /// <param name="addGenerationPrompt">Whether the next answer's beginning (the assistant's header) follows.</param>
    /// <exception cref="InvalidInputException">
    /// The model has no chat template, or the template refuses the conversation or does not print an answer.
    /// </exception>
    public EncodedConversation Encode(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = false)
    {
        ArgumentNullException.ThrowIfNull(messages);
        TracedText text = Template.RenderTraced(messages, addGenerationPrompt);
        var tokens = new List<int>();
        var answers = new List<AnswerSpan>();
        int from = 0;
        foreach ((int start, int end) in FindAnswers(messages, text))
        {
            Append(text.Slice(from, start), tokens);
            int first = tokens.Count;
            Append(text.Slice(start, end), tokens);
            answers.Add(new(first, tokens.Count));
            from = end;
        }

        Append(text.Slice(from), tokens);
        return new([.. tokens], answers);
    }

    /// <summary>Encodes a conversation up to where the assistant's next answer begins.</summary>
    /// <param name="messages">The messages, in order.</param>
    /// <exception cref="InvalidInputException">The model has no chat template, or it refuses the conversation.</exception>
    public int[] EncodePrompt(IReadOnlyList<ChatMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var tokens = new List<int>();
        Append(Template.RenderTraced(messages, addGenerationPrompt: true), tokens);
        return [.. tokens];
    }

    private ChatTemplate Template => _template ?? throw new InvalidInputException(
        "the model has no chat template, so it cannot take conversations; give plain text or tokens, or a model with one");

    // Text that goes on after text, rather than after a special token, gets no prefix space.
    private void Append(TracedText text, List<int> tokens)
    {
        bool continues = tokens.Count > 0 && !_tokenizer.IsSpecial(tokens[^1]);
        tokens.AddRange(_tokenizer.Encode(text, continues));
    }

    private List<(int Start, int End)> FindAnswers(IReadOnlyList<ChatMessage> messages, TracedText text)
    {
        var answers = new List<(int Start, int End)>();
        AddedTokenSpan[] specials = [.. _tokenizer.FindSpecialTokens(text)];
        int searched = 0;
        for (int i = 0; i < messages.Count; i++)
        {
            (int Start, int End)? printed = FindContent(text, i, searched);
            if (messages[i].Role != Assistant)
            {
                searched = printed?.End ?? searched;
                continue;
            }

            int start = PromptLength(messages, i, text);
            if (start < searched)
            {
                // The prompt is no prefix of the whole text, so the answer is what the template printed of the content.
                start = printed?.Start ?? throw new InvalidInputException(
                    $"the chat template does not print message {i + 1}, an answer; where the answer begins cannot be told");
            }

            int end = EndOfTurn(text, Math.Max(start, printed?.End ?? start), specials);
            answers.Add((start, end));
            searched = end;
        }

        return answers;
    }

    // Where the template printed a message's content: from its first character to its last before a later message's begins.
    private static (int Start, int End)? FindContent(TracedText text, int message, int from)
    {
        int origin = ChatTemplate.ContentOrigin(message);
        (int Start, int End)? found = null;
        foreach ((int start, int end, int writer) in text.Runs(from, text.Length))
        {
            if (writer == origin)
                found = (found?.Start ?? start, end);
            else if (writer > origin && found is not null)
                break;
        }

        return found;
    }

    // How far the text is the prompt of an answer, generation prompt included; -1 where the template writes it differently.
    private int PromptLength(IReadOnlyList<ChatMessage> messages, int answer, TracedText text)
    {
        try
        {
            string prompt = Template.Render([.. messages.Take(answer)], addGenerationPrompt: true);
            return text.Text.StartsWith(prompt, StringComparison.Ordinal) ? prompt.Length : -1;
        }
        catch (InvalidInputException)
        {
            return -1; // templates refuse a prompt without messages, or one that does not end with a question
        }
    }

    // The end of the special token that follows an answer's text, with nothing but white space between.
    private static int EndOfTurn(TracedText text, int end, AddedTokenSpan[] specials)
    {
        int next = Array.FindIndex(specials, special => special.Start >= end);
        return next >= 0 && text.Text.AsSpan(end, specials[next].Start - end).IsWhiteSpace() ? specials[next].End : end;
    }

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
