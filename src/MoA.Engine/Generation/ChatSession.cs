using System.Runtime.InteropServices;
using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;
using MoA.Engine.Tokenization;

namespace MoA.Engine.Generation;

/// <summary>
/// A conversation on one set of caches. A new turn is prefilled onto what is there; only when the template writes the past
/// differently than it was generated (so that the kept rows are not a prefix any more), or the model turns longer texts by other
/// angles, is everything read again: rows that a ring has evicted cannot be brought back one by one. What the model wrote stays token by token as it wrote it, an
/// answer that was stopped included, so neither costs a re-read. One caller at a time.
/// </summary>
internal sealed class ChatSession : IDisposable
{
    private readonly UseGuard _use = new("The conversation is", typeof(ChatSession));
    private readonly LanguageModel _model;
    private readonly AttentionPolicy _policy;
    private readonly ElementType _cacheType;
    private readonly GenerationOptions _options;
    private readonly GenerationLoop _loop;
    private readonly List<ChatMessage> _messages = [];
    private readonly List<int> _cached = [];
    private readonly Dictionary<ChatMessage, int[]> _written = new(ReferenceEqualityComparer.Instance);
    private SequenceCache? _sequence;
    private volatile bool _disposed;

    /// <summary>An empty conversation.</summary>
    /// <param name="model">A model with a chat template.</param>
    /// <param name="policy">Which rows stay.</param>
    /// <param name="options">How answers are written.</param>
    /// <param name="cacheType">Format of the KV rows.</param>
    public ChatSession(
        LanguageModel model, AttentionPolicy policy, GenerationOptions options, ElementType cacheType = ElementType.BF16)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        _policy = policy;
        _options = options;
        _cacheType = cacheType;
        _loop = new GenerationLoop(model.Transformer);
    }

    /// <summary>The messages so far.</summary>
    public IReadOnlyList<ChatMessage> Messages => _messages;

    /// <summary>Tokens in the caches.</summary>
    public int CachedTokens => _cached.Count;

    /// <summary>Bytes of the caches.</summary>
    public long KvBytes => _sequence?.Bytes ?? 0;

    /// <summary>Whether the last turn had to read the whole conversation again.</summary>
    public bool ReadAgain { get; private set; }

    /// <summary>Adds a message that needs no answer yet, such as the system's.</summary>
    /// <exception cref="InvalidOperationException">An answer is being written.</exception>
    public void Add(ChatMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        using UseGuard.Use use = _use.TakeAlone();
        _messages.Add(message);
    }

    /// <summary>
    /// Goes on with other messages instead; rows of the caches serve them as far as they begin as the old ones did.
    /// </summary>
    /// <exception cref="InvalidOperationException">An answer is being written.</exception>
    public void Restart(IEnumerable<ChatMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        using UseGuard.Use use = _use.TakeAlone();
        ChatMessage[] others = [.. messages];
        _messages.Clear();
        _messages.AddRange(others);
        foreach (ChatMessage gone in _written.Keys.Where(known => !others.Contains(known, ReferenceEqualityComparer.Instance)).ToArray())
            _ = _written.Remove(gone);
        if (_written.Count == 0)
            Forget();
    }

    /// <summary>Asks, and adds question and answer to the conversation.</summary>
    /// <param name="question">The user's message.</param>
    /// <param name="onText">Sees the answer as it comes.</param>
    /// <param name="cancellation">
    /// Stops the answer, between the layers of a pass where no row is lost by that. What was written by then, perhaps nothing,
    /// is the answer, <see cref="FinishReason.Cancelled"/> its end, and the next turn goes on where the caches end.
    /// </param>
    /// <exception cref="InvalidInputException">The conversation has outgrown the model's context; nothing was added.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before the call; nothing was added.</exception>
    /// <exception cref="InvalidOperationException">Another answer is being written, or another caller is using the model.</exception>
    /// <exception cref="ObjectDisposedException">The conversation or the model was disposed.</exception>
    public GenerationResult Ask(string question, Action<string>? onText = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(question);
        cancellation.ThrowIfCancellationRequested();
        using UseGuard.Use use = _use.TakeAlone();
        ObjectDisposedException.ThrowIf(_disposed, this);
        ChatMessage asked = new(ChatRole.User, question);
        int[] prompt = Encode([.. _messages, asked]);
        int room = _model.RoomFor(prompt.Length, _options.MaxNewTokens, "the conversation");
        int start = Reuse(prompt, prompt.Length + room);
        GenerationResult result;
        try
        {
            result = Run(prompt.AsSpan(start), prompt.AsSpan(0, start), _options with { MaxNewTokens = room }, onText, cancellation);
        }
        catch
        {
            Forget(); // the caches hold part of a turn that the conversation does not know
            throw;
        }

        ReadOnlySpan<int> held = [.. prompt, .. result.Tokens]; // the last token was drawn but never read
        _cached.AddRange(held[_cached.Count.._sequence!.Length]);
        ChatMessage answer = new(ChatRole.Assistant, result.Text);
        // A stop string is no part of the text, but was read.
        if (result.Finish != FinishReason.Stop || _model.StopTokens.Contains(result.Tokens[^1]))
            _written.Add(answer, result.Tokens);
        _messages.Add(asked);
        _messages.Add(answer);
        return result;
    }

    /// <summary>Frees the caches, after the pass that uses them; an answer that is being written ends with an exception.</summary>
    public void Dispose()
    {
        _disposed = true;
        _sequence?.Dispose();
    }

    private GenerationResult Run(
        ReadOnlySpan<int> prompt, ReadOnlySpan<int> before, GenerationOptions options, Action<string>? onText,
        CancellationToken cancellation)
    {
        TextRun text = new(_model, _sequence!, prompt, options, onText, before, keepsCaches: true);
        _loop.Add(text.Run);
        try
        {
            while (text.Run.Finish == FinishReason.None && !cancellation.IsCancellationRequested)
                _ = _loop.Step(cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // In the middle of a pass; the caches stand where they stood before it.
        }
        finally
        {
            _ = _loop.Remove(text.Run);
        }

        return text.End();
    }

    private int[] Encode(IReadOnlyList<ChatMessage> messages)
    {
        ConversationEncoder encoder = _model.RequireConversations();
        if (_written.Count == 0)
            return encoder.EncodePrompt(messages);
        ChatMessage[] answers = [.. messages.Where(message => message.Role == ChatRole.Assistant)];
        return encoder.EncodePrompt(messages, null, _model.StopTokens, (answer, _, text) =>
        {
            // Some templates leave out parts of earlier answers.
            if (!_written.TryGetValue(answers[answer], out int[]? own) || text.Trim() != answers[answer].Content.Trim())
                return null;
            return own is [.., int last] && _model.StopTokens.Contains(last) ? own[..^1] : own;
        });
    }

    // Makes the caches ready for the prompt and returns how many of its tokens they hold already.
    private int Reuse(int[] prompt, int capacity)
    {
        ReadAgain = _messages.Exists(message => message.Role == ChatRole.Assistant);
        if (_sequence is not null)
        {
            bool turnsAlike = _model.Config.TurnsAlike(_sequence.Capacity, Math.Max(capacity, _sequence.Capacity));
            if (turnsAlike && _cached.Count < prompt.Length && prompt.AsSpan().StartsWith(CollectionsMarshal.AsSpan(_cached)))
            {
                ReadAgain = false;
                _sequence.Extend(capacity);
                return _cached.Count;
            }

            Forget();
        }

        _sequence = _model.Transformer.CreateSequence(_policy, capacity, _cacheType);
        return 0;
    }

    private void Forget()
    {
        _sequence?.Dispose();
        _sequence = null;
        _cached.Clear();
    }
}
