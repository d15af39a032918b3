using System.Text;
using MoA.Engine.Tokenization;

namespace MoA.Serving.Chat.Replies;

/// <summary>Reads replies whose thoughts and calls stand between marks, or whose calls are all that they are.</summary>
internal sealed class MarkedReplyReader : ReplyReader
{
    private readonly ReplyFormat _format;
    private readonly IReadOnlyDictionary<string, ToolDefinition> _tools;
    private readonly string[] _startMarks;
    private readonly string[] _textMarks;
    private readonly string[] _thoughtMarks;
    private readonly StringBuilder _space = new();
    private readonly StringBuilder _raw = new();
    private readonly StringBuilder _closing = new();
    private State _state;
    private ICallReader? _calls;
    private string? _close;
    private bool _hasThought;
    private bool _dropsSpace;
    private bool _separates;

    /// <param name="format">How the model writes.</param>
    /// <param name="tools">Tools by name; empty where no calls are looked for.</param>
    /// <param name="isText">Whether a mark is looked for in text, since it is no special token.</param>
    /// <param name="start">Where in the reply the prompt ends.</param>
    /// <param name="sink">Takes what is read.</param>
    /// <param name="mostCalls">Calls after which the reply is complete.</param>
    public MarkedReplyReader(
        ReplyFormat format, IReadOnlyDictionary<string, ToolDefinition> tools, Func<string, bool> isText, ReplyStart start, ReplySink sink, int mostCalls)
        : base(sink, mostCalls)
    {
        _format = format;
        _tools = tools;
        _state = start switch { ReplyStart.Beginning => State.Start, ReplyStart.Text => State.Text, _ => State.Thinking };
        _hasThought = start == ReplyStart.WithinThoughts;
        string[] calls = tools.Count == 0 ? [] : [.. format.Calls.Select(marks => marks.Open).Concat(format.Ignored).Where(isText)];
        string[] atStart = tools.Count == 0 ? [] : [.. format.CallsAtStart.Select(marks => marks.Open).Where(isText)];
        string[] thoughts = format.Thoughts is { } between ? [between.Open] : [];
        _textMarks = calls;
        _startMarks = [.. calls, .. atStart, .. thoughts.Where(isText)];
        _thoughtMarks = format.Thoughts is { } end && isText(end.Close!) ? [end.Close!] : [];
    }

    private enum State
    {
        Start,
        Thinking,
        Text,
        Calls,
        Closing,
    }

    public override bool IsThinking => _state == State.Thinking;

    protected override IReadOnlyList<string> Marks => _state switch
    {
        State.Start => _startMarks,
        State.Text => _textMarks,
        State.Thinking => _thoughtMarks,
        _ => [],
    };

    protected override void OnCharacter(char c)
    {
        switch (_state)
        {
            case State.Thinking:
                if (!char.IsWhiteSpace(c))
                    Think(c);
                else
                    _ = _space.Append(c);
                break;
            case State.Start when c is '{' or '[' && _tools.Count > 0 && _format.TakesBareCalls:
                BeginCalls(new CallMarks("", null));
                OnCharacter(c);
                break;
            case State.Start or State.Text:
                Text(c);
                break;
            case State.Calls:
                Call(c);
                break;
            case State.Closing:
                Close(c);
                break;
        }
    }

    protected override void OnMark(string mark)
    {
        if (_state == State.Closing || _state == State.Calls)
        {
            MarkInCalls(mark);
            return;
        }

        if (_state == State.Thinking)
        {
            if (mark != _format.Thoughts?.Close)
                return;
            _ = _space.Clear();
            (_state, _dropsSpace, _hasThought) = (State.Start, true, true);
        }
        else if (_state == State.Start && mark == _format.Thoughts?.Open && !_hasThought)
        {
            _ = _space.Clear();
            _state = State.Thinking;
        }
        else if (_tools.Count > 0 && _format.Find(mark, _state == State.Start) is { } marks)
        {
            BeginCalls(marks);
        }
    }

    protected override void OnEnd()
    {
        if (_state == State.Calls && _calls!.IsInCall)
            GiveUp();
        if (_state is State.Start or State.Text && Sink.CallCount == 0)
            Write(Space(keeps: !_dropsSpace), thinks: false);
    }

    private void Think(char c)
    {
        if (_space.Length > 0)
            Write(Space(keeps: _hasThought), thinks: true);
        Write(c, thinks: true);
        _hasThought = true;
    }

    private void Text(char c)
    {
        if (char.IsWhiteSpace(c) && (_state == State.Start || _tools.Count > 0))
        {
            _ = _space.Append(c);
            return;
        }

        if (_separates)
            Write("\n\n", thinks: false);
        else if (_space.Length > 0 && !_dropsSpace)
            Write(_space.ToString(), thinks: false);
        _ = _space.Clear();
        (_state, _dropsSpace, _separates) = (State.Text, false, false);
        Write(c, thinks: false);
    }

    private string Space(bool keeps)
    {
        string space = keeps ? _space.ToString() : "";
        _ = _space.Clear();
        return space;
    }

    private void BeginCalls(CallMarks marks)
    {
        Write();
        if (IsComplete)
            return;
        _ = _raw.Clear().Append(_space).Append(marks.Open);
        _ = _space.Clear();
        (_state, _close) = (State.Calls, marks.Close);
        _calls = _format.Syntax switch
        {
            CallSyntax.Xml => new XmlCallReader(Sink, _tools, hasOpened: marks.Open == XmlCallReader.Function),
            CallSyntax.Python => new PythonCallReader(Sink, _tools),
            _ => new CallReader(Sink, _tools, marks.TakesNames, takesAnyKey: marks.Open.Length > 0),
        };
    }

    private void Call(char c)
    {
        bool belongs = _calls!.Push(c);
        if (!belongs && _calls.IsInCall)
        {
            GiveUp();
            Again(c);
            return;
        }

        _ = _calls.IsInCall ? _raw.Append(c) : _raw.Clear();
        if (!belongs)
        {
            EndCalls(_close is null ? State.Text : State.Closing);
            Again(c);
        }
    }

    private void Close(char c)
    {
        if (_closing.Length == 0 && char.IsWhiteSpace(c))
            return;
        string closing = _closing.Append(c).ToString();
        if (_close!.StartsWith(closing, StringComparison.Ordinal) && closing.Length < _close.Length)
            return;
        _ = _closing.Clear();
        _state = State.Text;
        if (closing == _close)
            return;
        foreach (char again in closing)
            Again(again);
    }

    // Special tokens between a name and its arguments are part of the call; any other ends it, or breaks it off.
    private void MarkInCalls(string mark)
    {
        if (_state == State.Calls && _calls!.IsInCall)
        {
            if (_format.Inner.Contains(mark))
            {
                foreach (char c in mark)
                    OnCharacter(c);
                return;
            }

            GiveUp();
            if (mark == _close)
            {
                foreach (char c in mark)
                    Text(c);
                return;
            }
        }
        else
        {
            EndCalls(State.Text);
        }

        if (mark != _close)
            OnMark(mark);
    }

    private void EndCalls(State state)
    {
        (_state, _dropsSpace, _separates) = (state, true, Sink.HasText);
        _ = _raw.Clear();
        _ = _space.Clear();
        _ = _closing.Clear();
    }

    // What began as calls is none: it is text.
    private void GiveUp()
    {
        string raw = _raw.ToString();
        _ = _raw.Clear();
        bool follows = Sink.CallCount > 0;
        (_state, _separates) = (State.Text, follows && Sink.HasText);
        foreach (char c in raw)
            Text(c);
    }
}
