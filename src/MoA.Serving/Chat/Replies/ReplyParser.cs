using System.Security.Cryptography;
using MoA.Engine.Tokenization;

namespace MoA.Serving.Chat.Replies;

/// <summary>
/// Reads a reply token by token into text, thoughts and calls of tools. How the tokens are cut into steps makes no difference, and no text is lost:
/// what is no call after all is text.
/// </summary>
internal sealed class ReplyParser
{
    private const string Alphanumerics = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    private readonly Tokenizer _tokenizer;
    private readonly Dictionary<int, string> _marks = [];
    private readonly ReplySink _sink;
    private readonly ReplyReader _reader;
    private StreamingDecoder _decoder;

    /// <param name="format">How the model writes.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="prompt">The tokens before it.</param>
    /// <param name="start">Where in the reply they end.</param>
    /// <param name="tools">Tools that may be called; empty where no calls are looked for.</param>
    /// <param name="stops">Texts that end the answer's text.</param>
    /// <param name="mostCalls">Calls after which the reply is complete.</param>
    public ReplyParser(
        ReplyFormat format, Tokenizer tokenizer, ReadOnlySpan<int> prompt, ReplyStart start, IReadOnlyList<ToolDefinition> tools, IEnumerable<string> stops,
        int mostCalls = int.MaxValue)
    {
        _tokenizer = tokenizer;
        _decoder = tokenizer.CreateStream(skipSpecialTokens: true, start == ReplyStart.Beginning ? [] : prompt);
        foreach (string mark in format.AllMarks())
        {
            if (tokenizer.IdOf(mark) is int id && tokenizer.IsSpecial(id))
                _marks[id] = mark;
        }

        Dictionary<string, ToolDefinition> names = [];
        foreach (ToolDefinition tool in tools)
            names[tool.Name] = tool;
        _sink = new ReplySink(stops, () => NewId(format.HasShortIds));
        _reader = format.IsHarmony
            ? new HarmonyReplyReader(format, names, IsText, start, _sink, mostCalls)
            : new MarkedReplyReader(format, names, IsText, start, _sink, mostCalls);
    }

    /// <summary>Whether nothing after this counts: a stop string came, or the last call that is wanted.</summary>
    public bool IsComplete => _reader.IsComplete;

    /// <summary>Tokens of thoughts so far, their marks included.</summary>
    public int ReasoningTokens { get; private set; }

    /// <summary>The stop string that came, or null.</summary>
    public string? StopText => _sink.StopText;

    /// <summary>The message as it stands; whole after <see cref="End"/>.</summary>
    public ChatMessage Message => _sink.ToMessage();

    /// <summary>Takes the next token.</summary>
    public void Push(int token)
    {
        bool thinks = _reader.IsThinking;
        if (_marks.TryGetValue(token, out string? mark))
        {
            _reader.Push(_decoder.Flush());
            _decoder = _tokenizer.CreateStream(skipSpecialTokens: true, [token]);
            _reader.PushMark(mark);
        }
        else
        {
            _reader.Push(_decoder.Push(token));
        }

        if (thinks || _reader.IsThinking)
            ReasoningTokens++;
    }

    /// <summary>Ends the reply.</summary>
    public void End()
    {
        _reader.Push(_decoder.Flush());
        _reader.End();
    }

    /// <summary>What has come since it was last asked for.</summary>
    public ChatPiece Take() => _sink.Take();

    private bool IsText(string mark) => !_marks.ContainsValue(mark);

    private static string NewId(bool isShort) =>
        isShort ? RandomNumberGenerator.GetString(Alphanumerics, 9) : "call_" + RandomNumberGenerator.GetString(Alphanumerics, 24);
}
