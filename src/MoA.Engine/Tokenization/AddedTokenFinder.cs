using System.Buffers;
using System.Text;
using MoA.Engine.Tokenization.Patterns;

namespace MoA.Engine.Tokenization;

/// <summary>Finds added tokens in text, leftmost first and the longest of those that start at one place.</summary>
internal sealed class AddedTokenFinder
{
    private const int Root = 0;

    private readonly Dictionary<(int Node, char Character), int> _children = [];
    private readonly Dictionary<int, AddedToken> _tokenAtNode = [];
    private readonly SearchValues<char> _firstCharacters;

    /// <param name="tokens">The text to look for and the token it stands for.</param>
    public AddedTokenFinder(IEnumerable<(string Text, AddedToken Token)> tokens)
    {
        var first = new HashSet<char>();
        foreach ((string text, AddedToken token) in tokens.Where(entry => entry.Text.Length > 0))
        {
            first.Add(text[0]);
            _tokenAtNode[AddPath(text)] = token;
        }

        _firstCharacters = SearchValues.Create([.. first]);
    }

    /// <summary>Cuts a text into stretches without and with an added token, in order; empty stretches are left out.</summary>
    /// <param name="text">The text.</param>
    /// <param name="parseSpecial">Whether special tokens are looked for.</param>
    /// <param name="origin">
    /// The same text with who wrote it: a special token is one where the template wrote its first and last character. Null where
    /// every text of one counts.
    /// </param>
    public List<AddedTokenSpan> Cut(string text, bool parseSpecial, TracedText? origin = null)
    {
        var spans = new List<AddedTokenSpan>();
        int from = 0;
        for (int at = 0; FindNext(text, at, origin) is (int start, int end, AddedToken token);)
        {
            at = end;
            if (start < from || (token.Special && !parseSpecial) || (token.SingleWord && !StandsAlone(text, start, end)))
                continue;
            if (token.StripsLeft)
                start = Math.Max(from, WhiteSpaceStart(text, start));
            if (token.StripsRight)
                end = WhiteSpaceEnd(text, end);
            if (start > from)
                spans.Add(new(from, start, null));
            spans.Add(new(start, end, token));
            from = end;
        }

        if (from < text.Length)
            spans.Add(new(from, text.Length, null));
        return spans;
    }

    private int AddPath(string text)
    {
        int node = Root;
        foreach (char c in text)
        {
            if (!_children.TryGetValue((node, c), out int child))
                _children[(node, c)] = child = _children.Count + 1;
            node = child;
        }

        return node;
    }

    private AddedTokenSpan? FindNext(string text, int from, TracedText? origin)
    {
        for (int start = from; start < text.Length; start++)
        {
            int skipped = text.AsSpan(start).IndexOfAny(_firstCharacters);
            if (skipped < 0)
                return null;
            start += skipped;
            AddedTokenSpan? longest = null;
            int node = Root;
            for (int i = start; i < text.Length && _children.TryGetValue((node, text[i]), out node); i++)
            {
                if (_tokenAtNode.TryGetValue(node, out AddedToken? token) && !(token.Special && IsData(origin, start, i)))
                    longest = new(start, i + 1, token);
            }

            if (longest is not null)
                return longest;
        }

        return null;
    }

    private static bool IsData(TracedText? origin, int first, int last) =>
        origin is not null && (origin.OriginAt(first) != TracedText.Template || origin.OriginAt(last) != TracedText.Template);

    private static bool StandsAlone(string text, int start, int end)
    {
        bool wordBefore = start > 0 && Rune.DecodeLastFromUtf16(text.AsSpan(0, start), out Rune before, out _) == OperationStatus.Done
            && CodePointSet.Word.Contains(before.Value);
        bool wordAfter = end < text.Length && CodePointSet.Word.Contains(Rune.GetRuneAt(text, end).Value);
        return !wordBefore && !wordAfter;
    }

    private static int WhiteSpaceStart(string text, int end) => text.AsSpan(0, end).TrimEnd().Length;

    private static int WhiteSpaceEnd(string text, int start) => text.Length - text.AsSpan(start).TrimStart().Length;
}
