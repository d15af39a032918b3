using System.Collections.Concurrent;
using MoA.Serving.Structured.Automata;
using MoA.Serving.Structured.Parts;

namespace MoA.Serving.Structured;

/// <summary>What an answer may be, compiled for one vocabulary. Safe to share between threads and answers.</summary>
internal sealed class Grammar
{
    private const long MostCachedBytes = 2 << 20;

    private readonly ConcurrentDictionary<Cursor, int[]> _behind = new();
    private long _cachedBytes;

    /// <summary>Compiles a grammar.</summary>
    /// <param name="root">The whole answer.</param>
    /// <param name="trie">The tokens that are text.</param>
    /// <param name="stopTokens">Tokens that end an answer; at least one.</param>
    public Grammar(Part root, TokenTrie trie, IReadOnlyCollection<int> stopTokens) =>
        (Root, Trie, StopTokens) = (root, trie, [.. stopTokens]);

    /// <summary>The whole answer.</summary>
    public Part Root { get; }

    /// <summary>The tokens that are text.</summary>
    public TokenTrie Trie { get; }

    /// <summary>Tokens that end an answer.</summary>
    public int[] StopTokens { get; }

    /// <summary>The tokens that lead from a cursor behind its terminal.</summary>
    public int[] TokensBehind(Cursor cursor, TerminalMask mask, Dictionary<Cursor, int[]> own)
    {
        // What depends on the names of one object comes again in that object only.
        if (cursor.Stack is { HasNames: true })
        {
            if (own.TryGetValue(cursor, out int[]? mine))
                return mine;
            if (own.Count >= 32)
                own.Clear();
            return own[cursor] = FindTokensBehind(cursor, mask);
        }

        if (_behind.TryGetValue(cursor, out int[]? known))
            return known;
        int[] tokens = FindTokensBehind(cursor, mask);
        long size = 200 + (tokens.Length * sizeof(int));
        if (Interlocked.Add(ref _cachedBytes, size) > MostCachedBytes)
        {
            _behind.Clear();
            _ = Interlocked.Exchange(ref _cachedBytes, size);
        }

        return _behind.GetOrAdd(cursor, tokens);
    }

    /// <summary>Where a cursor gets over the bytes of a token: inside its terminal, or behind each place at which that may end.</summary>
    public static void Move(Cursor cursor, ReadOnlySpan<byte> bytes, CursorSet into)
    {
        int state = cursor.State;
        for (int length = 1; length <= bytes.Length; length++)
        {
            state = cursor.Terminal.Next(state, bytes[length - 1]);
            if (state == Terminal.Dead)
                return;
            if (cursor.Terminal.IsFinal(state))
                MoveBehind(cursor, bytes, length, into);
        }

        if (cursor.Terminal.GoesOn(state))
            into.AddAlone(cursor.Terminal.Stay(cursor, bytes, state));
    }

    private static void MoveBehind(Cursor cursor, ReadOnlySpan<byte> bytes, int length, CursorSet into)
    {
        (CursorSet here, CursorSet next) = (new(), new());
        cursor.Terminal.Leave(cursor, bytes[..length], here);
        foreach (byte value in bytes[length..])
        {
            here.Step(value, next);
            (here, next) = (next, here);
        }

        into.AddAll(here);
    }

    private int[] FindTokensBehind(Cursor cursor, TerminalMask mask)
    {
        List<int> tokens = [];
        List<CursorSet> sets = [new()];
        foreach (int end in mask.Ends)
        {
            byte[] path = Trie.PathTo(end);
            sets[0].Clear();
            cursor.Terminal.Leave(cursor, path, sets[0]);
            if (sets[0].IsEmpty)
                continue;
            tokens.AddRange(Trie.TokensAt(end));
            for (int node = end + 1; node < Trie.EndOf(end);)
            {
                int depth = Trie.DepthOf(node) - path.Length;
                if (depth == sets.Count)
                    sets.Add(new());
                sets[depth - 1].Step(Trie.ByteAt(node), sets[depth]);
                if (!sets[depth].IsEmpty)
                    tokens.AddRange(Trie.TokensAt(node));
                node = sets[depth].Cursors.Length > 0 ? node + 1 : Trie.EndOf(node);
            }
        }

        return [.. tokens];
    }
}
