using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using MoA.Engine.Tokenization;

namespace MoA.Serving.Chat.Replies;

/// <summary>
/// Reads calls as Qwen3-Coder writes them: <c>&lt;function=NAME&gt;</c>, for each argument <c>&lt;parameter=KEY&gt;</c>, a text and <c>&lt;/parameter&gt;</c>, then
/// <c>&lt;/function&gt;</c>. A line feed at each end of a text is none of it. Texts are shown as they come, other values when they are complete.
/// </summary>
/// <param name="sink">Takes the calls.</param>
/// <param name="tools">Tools by name.</param>
/// <param name="hasOpened">Whether <c>&lt;function=</c> has been read.</param>
internal sealed class XmlCallReader(ReplySink sink, IReadOnlyDictionary<string, ToolDefinition> tools, bool hasOpened) : ICallReader
{
    /// <summary>What a call begins with.</summary>
    public const string Function = "<function=";

    private const string Parameter = "<parameter=", EndOfFunction = "</function>", EndOfParameter = "</parameter>";
    private const int LongestName = 300;

    private readonly StringBuilder _token = new();
    private readonly StringBuilder _value = new();
    private readonly StringBuilder _arguments = new();
    private readonly HashSet<string> _keys = [];
    private State _state = hasOpened ? State.Name : State.Begin;
    private string _name = "", _key = "";
    private ParameterTypes _types = null!;
    private bool _isText;
    private int _written;

    private enum State
    {
        Begin,
        Name,
        Between,
        Key,
        Value,
        Done,
    }

    public bool IsInCall => _state != State.Done;

    public bool Push(char c)
    {
        switch (_state)
        {
            case State.Begin or State.Between when _token.Length == 0 && char.IsWhiteSpace(c):
                return true;
            case State.Begin:
                return Tag(c, Function, null);
            case State.Between:
                return Tag(c, Parameter, EndOfFunction);
            case State.Name or State.Key:
                return Name(c);
            case State.Value:
                return Value(c);
            default:
                return false;
        }
    }

    // One of two tags, which is decided by its second character.
    private bool Tag(char c, string begin, string? end)
    {
        string tag = _token.Append(c).ToString();
        if (tag == end)
            return End();
        if (tag == begin)
            (_state, _) = (_state == State.Begin ? State.Name : State.Key, _token.Clear());
        return begin.StartsWith(tag, StringComparison.Ordinal) || end?.StartsWith(tag, StringComparison.Ordinal) == true;
    }

    private bool Name(char c)
    {
        if (c != '>')
        {
            _ = _token.Append(c);
            return c is not ('<' or '\n') && _token.Length <= LongestName;
        }

        string name = _token.ToString().Trim();
        _ = _token.Clear();
        return _state == State.Name ? BeginCall(name) : BeginParameter(name);
    }

    private bool BeginCall(string name)
    {
        if (!tools.TryGetValue(name, out ToolDefinition? tool))
            return false;
        (_name, _types, _state) = (name, new ParameterTypes(tool.Parameters), State.Between);
        sink.BeginCall(name);
        Show("{");
        return true;
    }

    private bool BeginParameter(string key)
    {
        if (!_keys.Add(key))
            return false; // JSON with a key that stands twice says nothing
        (_state, _key, _isText, _written) = (State.Value, key, _types.IsText(key), 0);
        _ = _value.Clear();
        Show($"{(_keys.Count > 1 ? ", " : "")}{Quote(key)}: {(_isText ? "\"" : "")}");
        return true;
    }

    private bool Value(char c)
    {
        _ = _value.Append(c);
        if (c == '>' && EndsWith(EndOfParameter))
        {
            _value.Length -= EndOfParameter.Length;
            if (_value.Length > 0 && _value[^1] == '\n')
                _value.Length--;
            if (_isText)
            {
                ShowText(_value.Length);
                Show("\"");
            }
            else
            {
                Show(_types.ToJson(_key, _value.ToString(Start, _value.Length - Start)));
            }

            _state = State.Between;
        }
        else if (_isText)
        {
            ShowText(_value.Length - Held());
        }

        return true;
    }

    // The line feed behind the tag.
    private int Start => _value.Length > 0 && _value[0] == '\n' ? 1 : 0;

    // How much of the end may belong to the closing tag, or to the line feed before it.
    private int Held()
    {
        int at = Math.Max(0, _value.Length - EndOfParameter.Length - 1);
        for (; at < _value.Length; at++)
        {
            int tag = _value[at] == '\n' ? at + 1 : at;
            if (_value.Length - tag < EndOfParameter.Length && EndOfParameter.StartsWith(_value.ToString(tag, _value.Length - tag), StringComparison.Ordinal))
                break;
        }

        return _value.Length - at + (at == _value.Length && char.IsHighSurrogate(_value[^1]) ? 1 : 0);
    }

    private bool EndsWith(string text)
    {
        if (_value.Length < text.Length)
            return false;
        for (int i = 0; i < text.Length; i++)
        {
            if (_value[_value.Length - text.Length + i] != text[i])
                return false;
        }

        return true;
    }

    private void ShowText(int end)
    {
        int from = Math.Max(_written, Start);
        if (end <= from)
            return;
        Show(JsonEncodedText.Encode(_value.ToString(from, end - from), JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString());
        _written = end;
    }

    private bool End()
    {
        _ = _token.Clear();
        Show("}");
        sink.EndCall(_name, _arguments.ToString());
        _state = State.Done;
        return true;
    }

    private void Show(string json)
    {
        _ = _arguments.Append(json);
        sink.Arguments(json);
    }

    private static string Quote(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";
}
