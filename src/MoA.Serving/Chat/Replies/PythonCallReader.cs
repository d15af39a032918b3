using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using MoA.Engine.Tokenization;

namespace MoA.Serving.Chat.Replies;

/// <summary>Reads calls as Python writes them, in a list: <c>[name(key="value", other=2), …]</c>.</summary>
/// <param name="sink">Takes the calls.</param>
/// <param name="tools">Tools by name.</param>
internal sealed class PythonCallReader(ReplySink sink, IReadOnlyDictionary<string, ToolDefinition> tools) : ICallReader
{
    private const int LongestName = 300;

    private readonly StringBuilder _token = new();
    private readonly StringBuilder _arguments = new();
    private readonly StringBuilder _written = new();
    private readonly HashSet<string> _keys = [];
    private State _state;
    private string _name = "";
    private bool _hasBegun;
    private bool _hasCalled;
    private PythonLiteral _value = new();

    private enum State
    {
        Begin,
        NameOrEnd,
        Name,
        KeyOrEnd,
        Key,
        Value,
        CommaOrEnd,
        Between,
        Done,
    }

    public bool IsInCall => _state is not (State.Between or State.Done or State.NameOrEnd) || (_state == State.NameOrEnd && !_hasCalled);

    public bool Push(char c)
    {
        if (_state == State.Value)
            return Value(c);
        if (_state != State.Done && _token.Length == 0 && char.IsWhiteSpace(c))
            return true;
        switch (_state, c)
        {
            case (State.Begin, '['):
                _state = State.NameOrEnd;
                return true;
            case (State.NameOrEnd, _) when char.IsLetter(c) || c == '_':
                (_state, _) = (State.Name, _token.Append(c));
                return true;
            case (State.Name, '('):
                return BeginCall();
            case (State.Name, _):
                _ = _token.Append(c);
                return (char.IsLetterOrDigit(c) || c is '_' or '.' or '-' or ':' or '/') && _token.Length <= LongestName;
            case (State.KeyOrEnd or State.CommaOrEnd, ')'):
                return EndCall();
            case (State.CommaOrEnd, ','):
                _state = State.KeyOrEnd;
                return true;
            case (State.KeyOrEnd, _) when char.IsLetter(c) || c == '_':
                (_state, _) = (State.Key, _token.Append(c));
                return true;
            case (State.Key, '='):
                return BeginValue();
            case (State.Key, _):
                _ = _token.Append(c);
                return (char.IsLetterOrDigit(c) || char.IsWhiteSpace(c) || c is '_' or '-' or '.') && _token.Length <= LongestName;
            case (State.Between, ','):
                _state = State.NameOrEnd;
                return true;
            case (State.Between or State.NameOrEnd, ']') when _hasCalled:
                _state = State.Done;
                return true;
            default:
                return false;
        }
    }

    private bool BeginCall()
    {
        _name = _token.ToString();
        _ = _token.Clear();
        _ = _arguments.Clear();
        _keys.Clear();
        (_state, _hasBegun) = (State.KeyOrEnd, false);
        return tools.ContainsKey(_name);
    }

    private bool BeginValue()
    {
        string key = _token.ToString().Trim();
        _ = _token.Clear();
        if (key.Any(char.IsWhiteSpace) || !_keys.Add(key))
            return false;
        (_state, _value) = (State.Value, new PythonLiteral());
        Show($"{(_keys.Count > 1 ? ", " : "{")}\"{JsonEncodedText.Encode(key, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\": ");
        return true;
    }

    private bool Value(char c)
    {
        bool belongs = _value.Push(c, _written);
        Show(_written.ToString());
        _ = _written.Clear();
        if (_value.IsDone)
            _state = State.CommaOrEnd;
        return belongs || (_value.IsDone && Push(c));
    }

    private bool EndCall()
    {
        Show(_keys.Count > 0 ? "}" : "{}");
        sink.EndCall(_name, _arguments.ToString());
        (_state, _hasCalled) = (State.Between, true);
        return true;
    }

    private void Show(string json)
    {
        if (json.Length == 0)
            return;
        if (!_hasBegun)
            sink.BeginCall(_name);
        _hasBegun = true;
        _ = _arguments.Append(json);
        sink.Arguments(json);
    }
}
