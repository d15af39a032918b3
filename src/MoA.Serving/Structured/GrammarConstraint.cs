using MoA.Engine.Generation;
using MoA.Serving.Structured.Automata;

namespace MoA.Serving.Structured;

/// <summary>Follows one answer through a grammar.</summary>
internal sealed class GrammarConstraint : TokenConstraint
{
    private readonly Grammar _grammar;
    private readonly Dictionary<Cursor, int[]> _own = [];
    private CursorSet _now = new();
    private CursorSet _next = new();

    public GrammarConstraint(Grammar grammar)
    {
        _grammar = grammar;
        _now.Enter(grammar.Root, null);
    }

    /// <summary>Whether what was written is complete.</summary>
    public bool CanEnd => _now.CanEnd;

    /// <summary>Takes what has been written before.</summary>
    /// <returns>Whether it may stand there; after a false the constraint is of no more use.</returns>
    public bool TryAccept(ReadOnlySpan<byte> text)
    {
        foreach (byte value in text)
        {
            _now.Step(value, _next);
            (_now, _next) = (_next, _now);
        }

        return !_now.IsEmpty;
    }

    public override void Allow(Span<ulong> allowed)
    {
        foreach (Cursor cursor in _now.Cursors)
        {
            if (cursor.Terminal is TokenTerminal special)
            {
                TerminalMask.Mark([special.Token], allowed);
                continue;
            }

            TerminalMask mask = _grammar.Trie.MaskOf(cursor.Terminal, cursor.State);
            mask.MarkInside(allowed);
            if (mask.Ends.Length > 0)
                TerminalMask.Mark(_grammar.TokensBehind(cursor, mask, _own), allowed);
        }

        if (_now.CanEnd)
            TerminalMask.Mark(_grammar.StopTokens, allowed);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">It was not allowed.</exception>
    public override void Accept(int token)
    {
        if (_now.CanEnd && _grammar.StopTokens.Contains(token))
        {
            _now.Clear();
            _now.Return(null, 0);
            return;
        }

        _next.Clear();
        byte[]? text = _grammar.Trie.IsText(token) ? _grammar.Trie.BytesOf(token) : null;
        foreach (Cursor cursor in _now.Cursors)
        {
            if (cursor.Terminal is not TokenTerminal special)
            {
                if (text is not null)
                    Grammar.Move(cursor, text, _next);
            }
            else if (special.Token == token)
            {
                _next.Return(cursor.Stack, 0);
            }
        }

        if (_next.IsEmpty)
            throw new InvalidOperationException($"The token {token} was not allowed.");
        (_now, _next) = (_next, _now);
    }
}
