using System.Text;
using System.Text.Json;
using MoA.Engine.Tokenization;

namespace MoA.Serving.Chat.Replies;

/// <summary>
/// Reads calls character by character: JSON objects with a name and arguments, alone, in a row or in a list, or a name before its
/// arguments. A call begins for who reads along once its name and the beginning of its arguments are known.
/// </summary>
/// <param name="sink">Takes the calls.</param>
/// <param name="tools">Tools by name.</param>
/// <param name="takesNames">Whether a name may stand before its arguments, without an object around both.</param>
/// <param name="takesAnyKey">Whether an object may hold what is no part of a call; where nothing marks calls, it may not.</param>
internal sealed class CallReader(ReplySink sink, IReadOnlyDictionary<string, ToolDefinition> tools, bool takesNames, bool takesAnyKey) : ICallReader
{
    private const int LongestHeader = 300;

    private readonly StringBuilder _token = new();
    private State _state;
    private bool _isList;
    private bool _isNested;
    private string _key = "";
    private string? _name;
    private bool _hasBegun;
    private bool _hasArguments;
    private ArgumentsReader? _arguments;
    private JsonScanner? _value;

    private enum State
    {
        Begin,
        Header,
        Object,
        KeyOrEnd,
        Key,
        InKey,
        Colon,
        Value,
        InValue,
        InArguments,
        CommaOrEnd,
        Between,
        AfterList,
    }

    public bool IsInCall => _state is not (State.Between or State.AfterList) && !_hasArguments;

    public bool Push(char c)
    {
        switch (_state)
        {
            case State.Header:
                return Header(c);
            case State.InKey:
            case State.InValue:
                return Value(c);
            case State.InArguments:
                return Arguments(c);
            case not State.AfterList when c is ' ' or '\t' or '\n' or '\r':
                return true;
        }

        switch (_state, c)
        {
            case (State.Begin, '['):
                (_state, _isList) = (State.Object, true);
                return true;
            case (State.Begin or State.Object or State.Between, '{'):
                BeginCall(State.KeyOrEnd);
                return true;
            case (State.Begin, _) when takesNames && IsOfHeader(c):
                BeginCall(State.Header);
                return Header(c);
            case (State.Between, ',' or ';'):
                _state = _isList || c == ';' ? State.Object : State.Between;
                return true;
            case (State.Between, ']') when _isList:
                _state = State.AfterList;
                return true;
            case (State.Between or State.AfterList, '`'):
                return true;
            case (State.Key or State.KeyOrEnd, '"'):
                (_state, _value) = (State.InKey, new());
                return Value(c);
            case (State.Colon, ':'):
                _state = State.Value;
                return true;
            case (State.Value, _):
                return BeginValue(c);
            case (State.CommaOrEnd, ','):
                _state = State.Key;
                return true;
            case (State.CommaOrEnd or State.KeyOrEnd, '}'):
                return EndObject();
            default:
                return false;
        }
    }

    private void BeginCall(State state)
    {
        (_state, _key) = (state, "");
        (_name, _hasBegun, _hasArguments, _arguments, _isNested) = (null, false, false, null, false);
    }

    private bool BeginValue(char c)
    {
        if (_key == "function" && c == '{' && !_isNested)
        {
            (_state, _isNested) = (State.KeyOrEnd, true);
            return true;
        }

        if (_key is "arguments" or "parameters" && c == '{' && _arguments is null)
        {
            (_state, _arguments) = (State.InArguments, new());
            return Arguments(c);
        }

        (_state, _value) = (State.InValue, new());
        return Value(c);
    }

    private bool Value(char c)
    {
        if (!_value!.Push(c))
            return _value.IsDone && EndValue() && Push(c);
        _ = _token.Append(c);
        return !_value.IsDone || EndValue();
    }

    private bool EndValue()
    {
        string json = _token.ToString();
        _ = _token.Clear();
        bool isKey = _state == State.InKey;
        _state = isKey ? State.Colon : State.CommaOrEnd;
        string? text = json[0] == '"' ? Unescape(json) : null;
        if (isKey)
        {
            _key = text ?? "";
            return text is not null && (takesAnyKey || text is "name" or "tool_name" or "function" or "arguments" or "parameters" or "type" or "id");
        }

        if (_key is "name" or "tool_name" or "function" && text is not null && _name is null)
            return Name(text);
        if (_key is "arguments" or "parameters" && _arguments is null && json != "null")
            return text is not null && WrittenArguments(text);
        return true;
    }

    // Some models write the arguments as a text that holds them.
    private bool WrittenArguments(string text)
    {
        _arguments = new();
        foreach (char c in text.Trim())
        {
            if (_arguments.IsDone || _arguments.Push(c) is null)
                return false;
        }

        if (!_arguments.IsDone)
            return false;
        Begin();
        EndArguments();
        return true;
    }

    private bool Name(string name)
    {
        _name = name;
        if (!tools.ContainsKey(name))
            return false;
        Begin();
        EndArguments();
        return true;
    }

    // Shows the call once both name and arguments are there.
    private void Begin()
    {
        if (_name is null || _arguments is null || _hasBegun)
            return;
        _hasBegun = true;
        sink.BeginCall(_name);
        sink.Arguments(_arguments.Text);
    }

    private void EndArguments()
    {
        if (!_hasBegun || _hasArguments || !_arguments!.IsDone)
            return;
        _hasArguments = true;
        sink.EndCall(_name!, _arguments.Text);
    }

    private bool Arguments(char c)
    {
        if (_arguments!.Push(c) is not string written)
            return false;
        if (_hasBegun)
            sink.Arguments(written);
        else
            Begin();
        if (_arguments.IsDone)
        {
            EndArguments();
            _state = _key.Length == 0 ? State.Between : State.CommaOrEnd;
        }

        return true;
    }

    private bool EndObject()
    {
        if (_isNested)
        {
            (_state, _isNested, _key) = (State.CommaOrEnd, false, "");
            return true;
        }

        if (_arguments is null && _name is not null && tools[_name].TakesNothing())
            _ = WrittenArguments("{}");
        if (_hasArguments)
            _state = State.Between;
        return _hasArguments;
    }

    private bool Header(char c)
    {
        if (c == '{')
        {
            string header = _token.ToString();
            _ = _token.Clear();
            (_state, _arguments) = (State.InArguments, new());
            return Name(NameOf(header)) && Arguments(c);
        }

        _ = _token.Append(c);
        return _token.Length <= LongestHeader && IsOfHeader(c);
    }

    private static bool IsOfHeader(char c) => c is not ('"' or '}' or '(' or ',');

    // name[ARGS] · name[CALL_ID]id[ARGS] · name<｜tool▁sep｜> · function<｜tool▁sep｜>name and a line with ```json
    private static string NameOf(string header)
    {
        string[] parts = header.Split("<｜tool▁sep｜>");
        string name = parts[^1].Trim().Length > 0 ? parts[^1].Trim() : parts[0];
        return name.Split('\n')[0].Split('[')[0].Trim();
    }

    private static string? Unescape(string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.GetString();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null; // half of a surrogate pair, or a control character
        }
    }
}
