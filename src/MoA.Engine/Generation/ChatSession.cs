using System.Runtime.InteropServices;
using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;

namespace MoA.Engine.Generation;

/// <summary>
/// A conversation on one set of caches. A new turn is prefilled onto what is there; only when the template writes the past
/// differently than it was generated (so that the kept rows are not a prefix any more) is everything read again: rows
/// that a ring has evicted cannot be brought back one by one.
/// </summary>
public sealed class ChatSession : IDisposable
{
    private readonly LanguageModel _model;
    private readonly AttentionPolicy _policy;
    private readonly ElementType _cacheType;
    private readonly GenerationOptions _options;
    private readonly TextGenerator _generator;
    private readonly List<ChatMessage> _messages = [];
    private readonly List<int> _cached = [];
    private SequenceCache? _sequence;

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
        _generator = new TextGenerator(model);
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
    public void Add(ChatMessage message) => _messages.Add(message);

    /// <summary>Asks, and adds question and answer to the conversation.</summary>
    /// <exception cref="InvalidInputException">The conversation has outgrown the model's context; nothing was added.</exception>
    public GenerationResult Ask(string question, Action<string>? onText = null, CancellationToken cancellation = default)
    {
        ChatMessage asked = new("user", question);
        int[] prompt = _model.RequireConversations().EncodePrompt([.. _messages, asked]);
        _model.CheckLength(prompt.Length + 1, "the conversation");
        int room = Math.Min(_options.MaxNewTokens, _model.Config.MaxPositions - prompt.Length);
        int start = Reuse(prompt, prompt.Length + room);
        GenerationResult result;
        try
        {
            result = _generator.Run(
                _sequence!, prompt.AsSpan(start), _options with { MaxNewTokens = room }, onText, prompt.AsSpan(0, start), cancellation);
        }
        catch
        {
            Forget(); // the caches hold part of a turn that the conversation does not know
            throw;
        }

        _cached.AddRange(prompt.AsSpan(start));
        _cached.AddRange(result.Tokens.AsSpan(0, result.Tokens.Length - 1)); // the last token was drawn but never read
        _messages.Add(asked);
        _messages.Add(new ChatMessage("assistant", result.Text));
        return result;
    }

    /// <inheritdoc/>
    public void Dispose() => _sequence?.Dispose();

    // Makes the caches ready for the prompt and returns how many of its tokens they hold already.
    private int Reuse(int[] prompt, int capacity)
    {
        ReadAgain = _messages.Exists(message => message.Role == "assistant");
        if (_sequence is not null)
        {
            if (_cached.Count < prompt.Length && prompt.AsSpan().StartsWith(CollectionsMarshal.AsSpan(_cached)))
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
