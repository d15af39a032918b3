using System.Text;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Serving.Chat.Replies;

/// <summary>Gathers what a reply consists of: pieces for who reads along, and the whole message.</summary>
/// <param name="stops">Texts that end the answer's text.</param>
/// <param name="newId">Makes a call's id.</param>
internal sealed class ReplySink(IEnumerable<string> stops, Func<string> newId)
{
    private readonly StopStringScanner _stops = new(stops);
    private readonly StringBuilder _text = new();
    private readonly StringBuilder _thoughts = new();
    private readonly List<ToolCall> _calls = [];
    private readonly List<(ToolCallPiece Beginning, StringBuilder Arguments)> _new = [];
    private int _shownText;
    private int _shownThoughts;
    private int _begun;
    private string _id = "";

    /// <summary>Whether a stop string came: nothing after it counts.</summary>
    public bool IsStopped => _stops.Stopped;

    /// <summary>The stop string that came, or null.</summary>
    public string? StopText => _stops.StoppedBy;

    /// <summary>Calls that are complete.</summary>
    public int CallCount => _calls.Count;

    /// <summary>Whether there is text.</summary>
    public bool HasText => _text.Length > 0;

    /// <summary>Whether there are thoughts.</summary>
    public bool HasThoughts => _thoughts.Length > 0;

    /// <summary>More of the answer's text.</summary>
    public void Text(string text) => _ = _text.Append(_stops.Push(text));

    /// <summary>More of the thoughts.</summary>
    public void Think(string text) => _ = _thoughts.Append(text);

    /// <summary>A call begins; one that is never completed is no part of the message.</summary>
    public void BeginCall(string name)
    {
        _id = newId();
        _new.Add((new(_begun++, _id, name, ""), new()));
    }

    /// <summary>More of the arguments of the call that has begun.</summary>
    public void Arguments(string json)
    {
        if (_new.Count == 0)
            _new.Add((new(_begun - 1, null, null, ""), new()));
        _ = _new[^1].Arguments.Append(json);
    }

    /// <summary>The call that has begun is complete.</summary>
    public void EndCall(string name, string arguments) => _calls.Add(new(_id, name, arguments));

    /// <summary>The text is complete, so no stop string is awaited any more.</summary>
    public void End() => _ = _text.Append(_stops.Flush());

    /// <summary>What has come since it was last asked for.</summary>
    public ChatPiece Take()
    {
        ChatPiece piece = new()
        {
            Text = _text.ToString(_shownText, _text.Length - _shownText),
            Reasoning = _thoughts.ToString(_shownThoughts, _thoughts.Length - _shownThoughts),
            ToolCalls = _new.Count == 0 ? [] : [.. _new.Select(call => call.Beginning with { Arguments = call.Arguments.ToString() })],
        };
        (_shownText, _shownThoughts) = (_text.Length, _thoughts.Length);
        _new.Clear();
        return piece;
    }

    /// <summary>The message as it stands.</summary>
    public ChatMessage ToMessage() => new(ChatRole.Assistant, _text.ToString())
    {
        Reasoning = _thoughts.Length > 0 ? _thoughts.ToString() : null,
        ToolCalls = [.. _calls],
    };
}
