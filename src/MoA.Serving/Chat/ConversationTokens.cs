using System.Collections.Concurrent;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Serving.Chat;

/// <summary>The tokens of conversations, so that as many as can be are those of kept caches. Any thread may use it.</summary>
internal sealed class ConversationTokens(LanguageModel model)
{
    private const int MostPreambles = 256;

    private readonly WrittenAnswers _answers = new();
    private readonly ConcurrentDictionary<UInt128, int[]> _preambles = [];

    /// <summary>Remembers in which tokens an answer was written.</summary>
    /// <param name="prompt">All tokens before it, and its beginning where it went on from one.</param>
    /// <param name="answerStart">Where it begins.</param>
    /// <param name="written">Its tokens, the one that ended the turn included.</param>
    /// <returns>The same for other services; null where nothing was written.</returns>
    public WrittenAnswer? Note(int[] prompt, int answerStart, IReadOnlyList<int> written)
    {
        int[] tokens = [.. prompt.AsSpan(answerStart), .. written];
        if (tokens.Length > 0 && model.StopTokens.Contains(tokens[^1]))
            tokens = tokens[..^1];
        if (tokens.Length == 0)
            return null;
        WrittenAnswer answer = new(WrittenAnswers.Key(prompt.AsSpan(0, answerStart), model.RequireTokenizer().Decode(tokens, skipSpecialTokens: true)), tokens);
        _answers.Add(answer);
        return answer;
    }

    /// <summary>The prompt of a conversation: as the template writes it, but with the answers in the tokens in which they were written.</summary>
    /// <param name="request">The conversation.</param>
    /// <param name="options">What else the template is to know.</param>
    /// <returns>The tokens, and where among them or behind them the answer begins.</returns>
    /// <exception cref="InvalidInputException">The model has no template, or it refuses the conversation.</exception>
    public (int[] Tokens, int AnswerStart) Encode(ChatRequest request, ChatTemplateOptions options)
    {
        ConversationEncoder encoder = model.RequireConversations();
        IReadOnlyList<ChatMessage> messages = request.Messages;
        foreach (WrittenAnswer answer in request.Answers)
            _answers.Add(answer);
        if (request.ContinuesLast)
            return encoder.EncodeOpen(messages, options, model.StopTokens, Written);
        int[] tokens = messages.Any(static message => message.Role == ChatRole.Assistant)
            ? encoder.EncodePrompt(messages, options, model.StopTokens, Written)
            : encoder.EncodePrompt(messages, options);
        return (tokens, tokens.Length);

        int[]? Written(int answer, List<int> before, string text) => _answers.Find(CollectionsMarshal.AsSpan(before), text);
    }

    /// <summary>
    /// Where other requests are likely to part from this one: after the system prompt, which they share, and after the last message, where
    /// thoughts that the template leaves out later begin.
    /// </summary>
    public List<int> Landmarks(IReadOnlyList<ChatMessage> messages, ChatTemplateOptions options, int[] prompt, int answerStart)
    {
        List<int> landmarks = [];
        int preamble = Preamble(messages, options).AsSpan().CommonPrefixLength(prompt);
        if (preamble > 0 && preamble < prompt.Length)
            landmarks.Add(preamble);
        int last = answerStart < prompt.Length ? answerStart : prompt.Length - GenerationPrompt(messages, options, prompt);
        if (last > preamble && last < prompt.Length)
            landmarks.Add(last);
        return landmarks;
    }

    // What conversations with the same system prompt and tools begin with.
    private int[] Preamble(IReadOnlyList<ChatMessage> messages, ChatTemplateOptions options)
    {
        ChatMessage[] system = [.. messages.TakeWhile(static message => message.Role.Name is "system" or "developer")];
        if (system.Length == 0 && options.Tools.Count == 0)
            return [];
        string text = string.Join('\0', [.. system.Select(static message => message.Content), .. options.Tools.Select(static tool => tool.ToString())]);
        UInt128 key = XxHash128.HashToUInt128(MemoryMarshal.AsBytes(text.AsSpan()));
        if (_preambles.TryGetValue(key, out int[]? known))
            return known;
        int[] tokens = [];
        try
        {
            ConversationEncoder encoder = model.RequireConversations();
            int[] one = encoder.EncodePrompt([.. system, new ChatMessage(ChatRole.User, "0")], options), other = encoder.EncodePrompt([.. system, new ChatMessage(ChatRole.User, "a")], options);
            tokens = one[..one.AsSpan().CommonPrefixLength(other)];
        }
        catch (InvalidInputException)
        {
            // a template that wants other messages
        }

        if (tokens.Length >= model.Config.LongestText)
            return tokens; // never to be read
        if (_preambles.Count >= MostPreambles)
            _preambles.Clear();
        _preambles[key] = tokens;
        return tokens;
    }

    // How many tokens ask the assistant to answer.
    private int GenerationPrompt(IReadOnlyList<ChatMessage> messages, ChatTemplateOptions options, int[] prompt)
    {
        try
        {
            string with = model.ChatTemplate!.Render(messages, addGenerationPrompt: true, options), without = model.ChatTemplate.Render(messages, addGenerationPrompt: false, options);
            if (with.Length == without.Length || !with.StartsWith(without, StringComparison.Ordinal))
                return 0;
            int[] tokens = model.RequireTokenizer().Encode(with[without.Length..], addSpecialTokens: false, parseSpecialTokens: true);
            return prompt.AsSpan().EndsWith(tokens) ? tokens.Length : 0;
        }
        catch (InvalidInputException)
        {
            return 0;
        }
    }
}
