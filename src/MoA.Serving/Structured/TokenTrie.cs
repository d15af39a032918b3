using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.CompilerServices;
using MoA.Engine.Tokenization;
using MoA.Serving.Structured.Automata;

namespace MoA.Serving.Structured;

/// <summary>
/// The tokens of a vocabulary that are text, by their bytes: a trie in arrays, depth first. It remembers which of them each state of a
/// terminal takes. Safe to share between threads.
/// </summary>
internal sealed class TokenTrie
{
    private const int WordBits = 64;
    private const long MostCachedBytes = 64 << 20;

    private readonly byte[] _bytes;
    private readonly int[] _parents;
    private readonly int[] _depths;
    private readonly int[] _ends;
    private readonly int[] _firstToken;
    private readonly int[] _tokenCount;
    private readonly int[] _tokens;
    private readonly int _words;
    private readonly Dictionary<int, int> _nodeOf = [];
    private readonly ConditionalWeakTable<object, ConcurrentDictionary<long, TerminalMask>> _masks = []; // a schema that is forgotten takes its own along
    private long _cachedBytes;

    /// <summary>Reads a vocabulary.</summary>
    /// <param name="tokenizer">The vocabulary.</param>
    /// <param name="without">Tokens that are no text here, such as those that end an answer.</param>
    public TokenTrie(Tokenizer tokenizer, IReadOnlySet<int> without)
        : this([.. Enumerable.Range(0, tokenizer.VocabularySize)
            .Where(token => !without.Contains(token) && !tokenizer.IsSpecial(token))
            .Select(token => (tokenizer.BytesOf(token), token))])
    {
    }

    /// <summary>Builds a trie.</summary>
    /// <param name="tokens">The bytes of each token; those without any are passed over.</param>
    public TokenTrie(IReadOnlyList<(byte[] Bytes, int Token)> tokens)
    {
        (byte[] Bytes, int Token)[] sorted = [.. tokens.Where(token => token.Bytes.Length > 0)];
        Array.Sort(sorted, static (one, other) =>
            one.Bytes.AsSpan().SequenceCompareTo(other.Bytes) is int order && order != 0 ? order : one.Token.CompareTo(other.Token));
        List<byte> bytes = [0];
        List<int> parents = [-1], depths = [0], ends = [0], firstToken = [0], tokenCount = [0];
        List<int> path = [0]; // the nodes from the root to the last token's, by depth
        byte[] before = [];
        for (int i = 0; i < sorted.Length; i++)
        {
            byte[] text = sorted[i].Bytes;
            Leave(before.AsSpan().CommonPrefixLength(text));
            for (int at = path.Count - 1; at < text.Length; at++)
            {
                parents.Add(path[^1]);
                path.Add(bytes.Count);
                bytes.Add(text[at]);
                depths.Add(at + 1);
                ends.Add(0);
                firstToken.Add(i);
                tokenCount.Add(0);
            }

            tokenCount[path[^1]]++;
            _nodeOf[sorted[i].Token] = path[^1];
            before = text;
        }

        Leave(-1);
        (_bytes, _parents, _depths, _ends) = ([.. bytes], [.. parents], [.. depths], [.. ends]);
        (_firstToken, _tokenCount, _tokens) = ([.. firstToken], [.. tokenCount], [.. sorted.Select(token => token.Token)]);
        _words = _tokens.Length == 0 ? 0 : (_tokens.Max() / WordBits) + 1;
        LongestToken = sorted.Length == 0 ? 0 : sorted.Max(token => token.Bytes.Length);

        void Leave(int depth)
        {
            for (; path.Count > depth + 1; path.RemoveAt(path.Count - 1))
                ends[path[^1]] = bytes.Count;
        }
    }

    /// <summary>Most bytes of a token.</summary>
    public int LongestToken { get; }

    /// <summary>Number of nodes; the first is the root.</summary>
    public int Nodes => _bytes.Length;

    /// <summary>The tokens that are text.</summary>
    public IReadOnlyList<int> Tokens => _tokens;

    /// <summary>Whether a token is text.</summary>
    public bool IsText(int token) => _nodeOf.ContainsKey(token);

    /// <summary>The bytes of a token that is text.</summary>
    public byte[] BytesOf(int token) => PathTo(_nodeOf[token]);

    /// <summary>The bytes that lead to a node.</summary>
    public byte[] PathTo(int node)
    {
        byte[] path = new byte[_depths[node]];
        for (int at = path.Length - 1; at >= 0; node = _parents[node])
            path[at--] = _bytes[node];
        return path;
    }

    /// <summary>The tokens that end at a node.</summary>
    public ReadOnlySpan<int> TokensAt(int node) => _tokens.AsSpan(_firstToken[node], _tokenCount[node]);

    /// <summary>The first node that is not below one.</summary>
    public int EndOf(int node) => _ends[node];

    /// <summary>Number of bytes that lead to a node.</summary>
    public int DepthOf(int node) => _depths[node];

    /// <summary>The last byte that leads to a node.</summary>
    public byte ByteAt(int node) => _bytes[node];

    /// <summary>Which tokens a state of a terminal takes.</summary>
    public TerminalMask MaskOf(Terminal terminal, int state)
    {
        (object language, long key) = terminal.KeyOf(state, LongestToken);
        ConcurrentDictionary<long, TerminalMask> masks = _masks.GetValue(language, static _ => new());
        if (masks.TryGetValue(key, out TerminalMask? known))
            return known;
        TerminalMask mask = Walk(terminal, state);
        if (Interlocked.Add(ref _cachedBytes, mask.Size) > MostCachedBytes)
        {
            _masks.Clear();
            _ = Interlocked.Exchange(ref _cachedBytes, mask.Size);
        }

        return masks.GetOrAdd(key, mask);
    }

    private TerminalMask Walk(Terminal terminal, int state)
    {
        ulong[] inside = new ulong[_words];
        List<int> ends = [];
        int[] states = new int[LongestToken + 1];
        states[0] = state;
        for (int node = 1; node < _bytes.Length;)
        {
            int next = terminal.Next(states[_depths[node] - 1], _bytes[node]);
            if (next == Terminal.Dead)
            {
                node = _ends[node];
                continue;
            }

            states[_depths[node]] = next;
            if (terminal.IsFinal(next))
                ends.Add(node);
            else
                TerminalMask.Mark(TokensAt(node), inside);
            node = terminal.GoesOn(next) ? node + 1 : _ends[node];
        }

        int count = inside.Sum(BitOperations.PopCount);
        return count * sizeof(int) >= inside.Length * sizeof(ulong)
            ? new TerminalMask(inside, [], [.. ends])
            : new TerminalMask(null, TerminalMask.List(inside, count), [.. ends]);
    }
}
