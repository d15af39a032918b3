using System.Text;

namespace MoA.Serving.Chat.Replies;

/// <summary>
/// Reads what a model writes into text, thoughts and calls. Marks may be special tokens, which come by themselves, or text, which may be cut
/// anywhere: what could be the beginning of a mark is held back until that is decided.
/// </summary>
/// <param name="sink">Takes what is read.</param>
/// <param name="mostCalls">Calls after which the reply is complete.</param>
internal abstract class ReplyReader(ReplySink sink, int mostCalls)
{
    private readonly StringBuilder _held = new();
    private readonly StringBuilder _out = new();
    private bool _outThinks;

    /// <summary>Whether nothing after this counts.</summary>
    public bool IsComplete => sink.IsStopped || sink.CallCount >= mostCalls || HasEnded;

    /// <summary>Whether thoughts are being read.</summary>
    public abstract bool IsThinking { get; }

    /// <summary>Whether the model has said that it is done.</summary>
    protected virtual bool HasEnded => false;

    /// <summary>Marks that are looked for in text where the reader stands.</summary>
    protected abstract IReadOnlyList<string> Marks { get; }

    protected ReplySink Sink => sink;

    /// <summary>Takes more text.</summary>
    public void Push(string text)
    {
        foreach (char c in text)
        {
            if (IsComplete)
                break;
            Step(c);
        }

        Write();
    }

    /// <summary>Takes a mark that is a token of its own.</summary>
    public void PushMark(string mark)
    {
        GiveBack();
        if (!IsComplete)
            OnMark(mark);
        Write();
    }

    /// <summary>Ends the reply where it stands.</summary>
    public void End()
    {
        GiveBack();
        if (!IsComplete)
            OnEnd();
        Write();
        sink.End();
    }

    /// <summary>Takes a character that belongs to no mark.</summary>
    protected abstract void OnCharacter(char c);

    /// <summary>Takes a mark.</summary>
    protected abstract void OnMark(string mark);

    /// <summary>The reply has ended.</summary>
    protected abstract void OnEnd();

    /// <summary>Takes a character again, after the reader has changed its place.</summary>
    protected void Again(char c)
    {
        if (!IsComplete)
            Step(c);
    }

    /// <summary>Writes text or thoughts.</summary>
    protected void Write(string text, bool thinks)
    {
        if (_outThinks != thinks)
            Write();
        _outThinks = thinks;
        _ = _out.Append(text);
    }

    /// <summary>Hands on what was written, so that a stop string is seen before what follows is read.</summary>
    protected void Write()
    {
        if (_out.Length == 0)
            return;
        if (_outThinks)
            sink.Think(_out.ToString());
        else
            sink.Text(_out.ToString());
        _ = _out.Clear();
    }

    /// <summary>Writes a character of text or thoughts.</summary>
    protected void Write(char c, bool thinks)
    {
        if (_outThinks != thinks)
            Write();
        _outThinks = thinks;
        _ = _out.Append(c);
    }

    private void Step(char c)
    {
        if (_held.Length == 0 && !BeginsMark(c))
        {
            OnCharacter(c);
            return;
        }

        _ = _held.Append(c);
        while (_held.Length > 0 && !IsComplete)
        {
            string held = _held.ToString();
            if (Marks.Contains(held))
            {
                _ = _held.Clear();
                Write();
                if (!IsComplete)
                    OnMark(held);
                return;
            }

            if (Marks.Any(mark => mark.StartsWith(held, StringComparison.Ordinal)))
                return;
            _ = _held.Remove(0, 1);
            OnCharacter(held[0]);
        }
    }

    private bool BeginsMark(char c)
    {
        IReadOnlyList<string> marks = Marks;
        for (int i = 0; i < marks.Count; i++)
        {
            if (marks[i][0] == c)
                return true;
        }

        return false;
    }

    private void GiveBack()
    {
        string held = _held.ToString();
        _ = _held.Clear();
        foreach (char c in held)
        {
            if (!IsComplete)
                OnCharacter(c);
        }

        Write();
    }
}
