namespace MoA.Engine.Tokenization;

/// <summary>
/// Conversations to token ids by a model's chat template. Special tokens that the template writes are parsed; the same
/// text within a message stays text. Safe to share between threads.
/// </summary>
internal sealed class ConversationEncoder
{
    // Where an answer begins is told by the text before it, which the template writes once more for each: about a second of work, in characters.
    private const long MostWork = 1_000_000_000, WorkOfMessage = 1000;

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

    /// <summary>The special tokens that the template writes after an answer and after calls of tools; empty where it writes none.</summary>
    public IReadOnlySet<int> EndOfTurnIds { get; } = new HashSet<int>();

    /// <summary>
    /// Encodes a conversation with its answers marked. An answer begins after the generation prompt (the assistant's
    /// header), is encoded apart from what is before it, and ends with its end-of-turn token.
    /// </summary>
    /// <param name="messages">The messages, in order.</param>
    /// <param name="addGenerationPrompt">Whether the next answer's beginning (the assistant's header) follows.</param>
    /// <param name="options">Tools, and what else the template is to know.</param>
    /// <exception cref="InvalidInputException">
    /// The model has no chat template, or the template refuses the conversation or does not print an answer.
    /// </exception>
    public EncodedConversation Encode(
        IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = false, ChatTemplateOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        TracedText text = Template.RenderTraced(messages, addGenerationPrompt, options);
        return Encode(text, FindAnswers(messages, text, options));
    }

    private EncodedConversation Encode(TracedText text, List<(int Start, int End)> printed)
    {
        var tokens = new List<int>();
        var answers = new List<AnswerSpan>();
        int from = 0;
        foreach ((int start, int end) in printed)
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
    /// <param name="options">Tools, and what else the template is to know.</param>
    /// <exception cref="InvalidInputException">The model has no chat template, or it refuses the conversation.</exception>
    public int[] EncodePrompt(IReadOnlyList<ChatMessage> messages, ChatTemplateOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var tokens = new List<int>();
        Append(Template.RenderTraced(messages, addGenerationPrompt: true, options), tokens);
        return [.. tokens];
    }

    /// <summary>
    /// Encodes a conversation as <see cref="EncodePrompt(IReadOnlyList{ChatMessage}, ChatTemplateOptions?)"/> does, but with earlier answers in the tokens in which the
    /// model wrote them: text may be cut into tokens in several ways. The end of a turn is the template's; whether the model drew one or was stopped, it has not read it yet.
    /// </summary>
    /// <param name="messages">The messages, in order.</param>
    /// <param name="options">Tools, and what else the template is to know.</param>
    /// <param name="stopTokens">Tokens that end a turn.</param>
    /// <param name="written">The tokens of an answer without one that ends the turn, or null to take the template's: given which answer it is, all tokens before
    /// it, and its text as the template prints it.</param>
    /// <exception cref="InvalidInputException">The model has no chat template, or it refuses the conversation.</exception>
    internal int[] EncodePrompt(
        IReadOnlyList<ChatMessage> messages, ChatTemplateOptions? options, IReadOnlySet<int> stopTokens, Func<int, List<int>, string, int[]?> written)
    {
        if (!CanFindAnswers(messages, options))
            return EncodePrompt(messages, options);
        EncodedConversation encoded;
        try
        {
            encoded = Encode(messages, addGenerationPrompt: true, options);
        }
        catch (InvalidInputException)
        {
            return EncodePrompt(messages, options); // where an answer stands in the text cannot be told for every template
        }

        return WithWritten(encoded, stopTokens, written).Tokens;
    }

    /// <summary>
    /// Encodes a conversation whose last message, an answer, goes on: up to the end of its content. Answers, the last one too, are in the tokens in which they were
    /// written, as in <see cref="EncodePrompt(IReadOnlyList{ChatMessage}, ChatTemplateOptions?, IReadOnlySet{int}, Func{int, List{int}, string, int[]})"/>.
    /// </summary>
    /// <returns>The tokens, and where the last answer begins.</returns>
    /// <exception cref="InvalidInputException">The model has no chat template, it refuses the conversation, or it does not print the last message.</exception>
    internal (int[] Tokens, int AnswerStart) EncodeOpen(
        IReadOnlyList<ChatMessage> messages, ChatTemplateOptions? options, IReadOnlySet<int> stopTokens, Func<int, List<int>, string, int[]?> written)
    {
        TracedText text = Template.RenderOpen(messages, options);
        List<(int Start, int End)>? answers = null;
        try
        {
            if (CanFindAnswers(messages, options))
                answers = FindAnswers(messages, text, options);
        }
        catch (InvalidInputException)
        {
            // where an answer stands in the text cannot be told for every template
        }

        answers ??= [ChatTemplate.FindContent(text, messages.Count - 1)!.Value];

        return WithWritten(Encode(text, answers), stopTokens, written);
    }

    private (int[] Tokens, int AnswerStart) WithWritten(EncodedConversation encoded, IReadOnlySet<int> stopTokens, Func<int, List<int>, string, int[]?> written)
    {
        List<int> tokens = [];
        int end = 0, begin = 0;
        for (int answer = 0; answer < encoded.Answers.Count; answer++)
        {
            AnswerSpan span = encoded.Answers[answer];
            tokens.AddRange(encoded.Tokens.AsSpan(end, span.Start - end));
            begin = tokens.Count;
            ReadOnlySpan<int> printed = encoded.Tokens.AsSpan(span.Start, span.End - span.Start);
            int turn = printed.Length;
            while (turn > 0 && stopTokens.Contains(printed[turn - 1]))
                turn--;
            int[]? own = written(answer, tokens, _tokenizer.Decode(printed[..turn], skipSpecialTokens: true));
            tokens.AddRange(own ?? printed[..turn]);
            tokens.AddRange(printed[turn..]);
            end = span.End;
        }

        return ([.. tokens, .. encoded.Tokens.AsSpan(end)], begin);
    }

    private ChatTemplate Template => _template ?? throw new InvalidInputException(
        "the model has no chat template, so it cannot take conversations; choose one (--chat-template NAME), or give plain text or tokens");

    // Text that goes on after text, rather than after a special token, gets no prefix space.
    private void Append(TracedText text, List<int> tokens)
    {
        bool continues = tokens.Count > 0 && !_tokenizer.IsSpecial(tokens[^1]);
        tokens.AddRange(_tokenizer.Encode(text, continues));
    }

    private static bool CanFindAnswers(IReadOnlyList<ChatMessage> messages, ChatTemplateOptions? options)
    {
        long once = messages.Sum(static message => WorkOfMessage + message.Content.Length + (message.Reasoning?.Length ?? 0) + message.ToolCalls.Sum(static call => (long)call.Arguments.Length)) +
            (options?.Tools.Sum(static tool => (long)(tool.Parameters?.Length ?? 0) + (tool.Description?.Length ?? 0)) ?? 0);
        return messages.Count(static message => message.Role == ChatRole.Assistant) * once <= MostWork;
    }

    private List<(int Start, int End)> FindAnswers(
        IReadOnlyList<ChatMessage> messages, TracedText text, ChatTemplateOptions? options)
    {
        var answers = new List<(int Start, int End)>();
        AddedTokenSpan[] specials = [.. _tokenizer.FindSpecialTokens(text)];
        int searched = 0;
        for (int i = 0; i < messages.Count; i++)
        {
            (int Start, int End)? printed = ChatTemplate.FindContent(text, i, searched);
            if (messages[i].Role != ChatRole.Assistant)
            {
                searched = printed?.End ?? searched;
                continue;
            }

            int start = PrefixLength(messages, i, addGenerationPrompt: true, text, options);
            if (start < searched)
            {
                // The prompt is no prefix of the whole text, so the answer is what the template printed of the content.
                start = printed?.Start ?? throw new InvalidInputException(
                    $"the chat template does not print message {i + 1}, an answer; where the answer begins cannot be told");
            }

            int written = Math.Max(start, printed?.End ?? start);
            int end = messages[i].ToolCalls.Count > 0
                ? EndOfCalls(text, start, written, PrefixLength(messages, i + 1, addGenerationPrompt: false, text, options), specials)
                : EndOfTurn(text, written, specials);
            answers.Add((start, end));
            searched = end;
        }

        return answers;
    }

    // How far the text is that of the first messages alone, generation prompt included or not; -1 where the template writes it differently.
    private int PrefixLength(
        IReadOnlyList<ChatMessage> messages, int count, bool addGenerationPrompt, TracedText text, ChatTemplateOptions? options)
    {
        try
        {
            string prompt = Template.Render([.. messages.Take(count)], addGenerationPrompt, options);
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

    // After calls stands what the template puts around them: the turn ends with the last special token of the message, or with the first
    // that ends turns where the template writes the message differently when it is not the last.
    private int EndOfCalls(TracedText text, int start, int written, int messageEnd, AddedTokenSpan[] specials)
    {
        int last = Array.FindLastIndex(specials, special => special.Start >= start && special.End <= messageEnd);
        if (last < 0)
            last = Array.FindIndex(specials, special => special.Start >= written && EndOfTurnIds.Contains(special.Token!.Id));
        return last < 0 ? written : Math.Max(specials[last].End, written);
    }

    private HashSet<int> FindEndOfTurn()
    {
        if (_template is null)
            return [];
        ChatMessage question = new(ChatRole.User, "question");
        var ends = new HashSet<int>();
        if (FindEndOfTurn([question, new(ChatRole.Assistant, "answer")], null) is int end)
            ends.Add(end);
        if (!_template.KnowsTools)
            return ends;

        // Some models end a turn in another way where they ask for tools; some templates take one call only.
        ToolCall[] calls = [new("abcdefgh1", "first", "{\"a\": 1}"), new("abcdefgh2", "second", "{\"a\": 2}")];
        ChatTemplateOptions tools = new() { Tools = [.. calls.Select(call => new ToolDefinition(call.Name, "what", null))] };
        if ((FindEndOfTurn([question, new(ChatRole.Assistant, "") { ToolCalls = calls }], tools)
            ?? FindEndOfTurn([question, new(ChatRole.Assistant, "") { ToolCalls = calls[..1] }], tools)) is int endOfCalls)
            ends.Add(endOfCalls);
        return ends;
    }

    private int? FindEndOfTurn(IReadOnlyList<ChatMessage> messages, ChatTemplateOptions? options)
    {
        try
        {
            EncodedConversation probe = Encode(messages, options: options);
            int last = probe.Answers is [var answer] && answer.End > answer.Start ? probe.Tokens[answer.End - 1] : -1;
            return _tokenizer.IsSpecial(last) ? last : null;
        }
        catch (InvalidInputException)
        {
            return null; // a template that needs other roles says so when it is used
        }
    }
}
