using System.Text;
using MoA.Engine.Tokenization;

namespace MoA.Serving.Chat.Replies;

/// <summary>
/// Reads replies in channels: <c>analysis</c> holds thoughts, <c>commentary</c> to a function a call, everything else text. A message is a header
/// (<c>assistant to=functions.NAME&lt;|channel|&gt;commentary &lt;|constrain|&gt;json</c>), <c>&lt;|message|&gt;</c> and its body; the prompt ends
/// within the first header.
/// </summary>
/// <param name="format">How the model writes.</param>
/// <param name="tools">Tools by name.</param>
/// <param name="isText">Whether a mark is looked for in text, since it is no special token.</param>
/// <param name="start">Where in the reply the prompt ends.</param>
/// <param name="sink">Takes what is read.</param>
/// <param name="mostCalls">Calls after which the reply is complete.</param>
internal sealed class HarmonyReplyReader(
    ReplyFormat format, IReadOnlyDictionary<string, ToolDefinition> tools, Func<string, bool> isText, ReplyStart start, ReplySink sink, int mostCalls)
    : ReplyReader(sink, mostCalls)
{
    private const string Recipient = "to=";
    private const string Functions = "functions.";

    private readonly string[] _textMarks = [.. format.Inner.Where(isText)];
    private readonly StringBuilder _role = new();
    private readonly StringBuilder _channel = new();
    private readonly StringBuilder _raw = new();
    private State _state = start switch { ReplyStart.Beginning => State.Role, ReplyStart.Text => State.Text, _ => State.Thinking };
    private bool _isFirst = start == ReplyStart.Beginning;
    private bool _separates;
    private bool _hasEnded;
    private string _name = "";
    private ArgumentsReader? _arguments;
    private bool _hasBegun;

    private enum State
    {
        Between,
        Role,
        Channel,
        Thinking,
        Text,
        Call,
    }

    public override bool IsThinking => _state == State.Thinking;

    protected override bool HasEnded => _hasEnded;

    protected override IReadOnlyList<string> Marks => _textMarks;

    protected override void OnCharacter(char c)
    {
        switch (_state)
        {
            case State.Role:
                _ = _role.Append(c);
                if (_isFirst && !IsHeader(_role.ToString()))
                    BeginText(_role.ToString());
                break;
            case State.Channel:
                _ = _channel.Append(c);
                break;
            case State.Between when !char.IsWhiteSpace(c):
                BeginText(c.ToString());
                break;
            case State.Thinking or State.Text:
                Body(c.ToString());
                break;
            case State.Call:
                Argument(c);
                break;
        }
    }

    protected override void OnMark(string mark)
    {
        switch (mark)
        {
            case "<|message|>" when _state is State.Role or State.Channel:
                BeginBody();
                return;
            case "<|message|>":
                return;
            case "<|constrain|>":
                if (_state == State.Channel)
                    _ = _channel.Append(' ');
                return;
            case "<|channel|>":
                if (_state != State.Role)
                    EndMessage();
                _state = State.Channel;
                return;
            case "<|start|>":
                EndMessage();
                _state = State.Role;
                return;
            default:
                bool isCall = mark == "<|call|>";
                EndMessage();
                _hasEnded = isCall && Sink.CallCount > 0;
                return;
        }
    }

    protected override void OnEnd() => EndMessage();

    // Whether text where the first header is awaited can be one.
    private static bool IsHeader(string text)
    {
        text = text.TrimStart();
        return "assistant".StartsWith(text, StringComparison.Ordinal) || text.StartsWith("assistant", StringComparison.Ordinal)
            || Recipient.StartsWith(text, StringComparison.Ordinal) || text.StartsWith(Recipient, StringComparison.Ordinal);
    }

    private static string? RecipientOf(string header)
    {
        string? word = header.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            .FirstOrDefault(word => word.StartsWith(Recipient, StringComparison.Ordinal));
        return word?[Recipient.Length..];
    }

    private void BeginBody()
    {
        string channel = _channel.ToString();
        string? recipient = RecipientOf(_role.ToString()) ?? RecipientOf(channel);
        (_state, _separates, _isFirst) = (channel.TrimStart().StartsWith("analysis", StringComparison.Ordinal) ? State.Thinking : State.Text, true, false);
        if (recipient is null)
            return;
        _name = recipient.StartsWith(Functions, StringComparison.Ordinal) ? recipient[Functions.Length..] : "";
        if (tools.ContainsKey(_name))
        {
            _ = _raw.Clear().Append(Recipient).Append(recipient).Append(' ');
            (_state, _arguments, _hasBegun) = (State.Call, new(), false);
        }
        else
        {
            BeginText($"{Recipient}{recipient} ");
        }
    }

    private void BeginText(string text)
    {
        (_state, _separates, _isFirst) = (State.Text, !_isFirst, false);
        _ = _role.Clear();
        Body(text);
    }

    private void Body(string text)
    {
        bool thinks = _state == State.Thinking;
        if (_separates)
        {
            Write();
            text = ((thinks ? Sink.HasThoughts : Sink.HasText) ? "\n\n" : "") + text;
            _separates = false;
        }

        Write(text, thinks);
    }

    private void Argument(char c)
    {
        if (_arguments!.IsDone || (char.IsWhiteSpace(c) && _arguments.Text.Length == 0))
        {
            if (char.IsWhiteSpace(c))
                return;
            BeginText(c.ToString());
            return;
        }

        if (_arguments.Push(c) is not string written)
        {
            GiveUp();
            OnCharacter(c);
            return;
        }

        _ = _raw.Append(c);
        if (!_hasBegun)
            Sink.BeginCall(_name);
        _hasBegun = true;
        Sink.Arguments(written);
        if (_arguments.IsDone)
            Sink.EndCall(_name, _arguments.Text);
    }

    private void EndMessage()
    {
        if (_state == State.Call && !_arguments!.IsDone)
        {
            if (_arguments.Text.Length == 0 && tools[_name].TakesNothing())
            {
                Sink.BeginCall(_name);
                Sink.Arguments("{}");
                Sink.EndCall(_name, "{}");
            }
            else
            {
                GiveUp();
            }
        }
        else if (_state == State.Role && _isFirst && _role.Length > 0)
        {
            BeginText(_role.ToString());
        }

        _ = _role.Clear();
        _ = _channel.Clear();
        (_state, _isFirst) = (State.Between, false);
        Write();
    }

    private void GiveUp()
    {
        string raw = _raw.ToString();
        _ = _raw.Clear();
        _isFirst = false;
        BeginText(raw);
    }
}
