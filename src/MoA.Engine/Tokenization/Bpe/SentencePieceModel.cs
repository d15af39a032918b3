using System.Text;

namespace MoA.Engine.Tokenization.Bpe;

/// <summary>
/// Byte-pair encoding as SentencePiece has it (Kudo and Richardson, arXiv 1808.06226): a text starts as its characters, and
/// the neighbours that make the piece with the highest score are joined, leftmost first, until no two make a piece.
/// Characters without a piece become byte tokens or else the unknown token. Immutable and safe to share between threads.
/// </summary>
internal sealed class SentencePieceModel : SubwordModel
{
    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<string, int> _pieces;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _pieceOfSpan;
    private readonly float[] _scores;
    private readonly int[]? _byteIds;
    private readonly int? _unknownId;
    private readonly int _longest;
    private readonly HashSet<string> _whole;
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _wholeOfSpan;
    private readonly int _longestWhole;

    /// <param name="vocabulary">Id of every token, byte tokens and the unknown token included.</param>
    /// <param name="pieces">The tokens that text is made of, a subset of the vocabulary.</param>
    /// <param name="scores">Score of every id; the highest is joined first.</param>
    /// <param name="unknownId">The token for characters that can be written in no other way, one for each run of them; null drops them.</param>
    /// <param name="whole">Pieces that are neither taken apart nor joined to others, the longest first; null for none.</param>
    public SentencePieceModel(
        Dictionary<string, int> vocabulary, Dictionary<string, int> pieces, float[] scores, int? unknownId, IEnumerable<string>? whole = null)
    {
        _vocabulary = vocabulary;
        _pieces = pieces;
        _pieceOfSpan = pieces.GetAlternateLookup<ReadOnlySpan<char>>();
        _scores = scores;
        _byteIds = FindByteIds(vocabulary);
        _unknownId = unknownId;
        _longest = pieces.Count == 0 ? 0 : pieces.Keys.Max(piece => piece.Length);
        _whole = new HashSet<string>(whole ?? [], StringComparer.Ordinal);
        _wholeOfSpan = _whole.GetAlternateLookup<ReadOnlySpan<char>>();
        _longestWhole = _whole.Count == 0 ? 0 : _whole.Max(piece => piece.Length);
    }

    public override IReadOnlyDictionary<string, int> Vocabulary => _vocabulary;

    public override int? IdOf(string token) => _vocabulary.TryGetValue(token, out int id) ? id : null;

    public override SubwordEncoder Start() => new Encoder(this);

    private void AddUnknown(ReadOnlySpan<char> character, bool continuesUnknown, List<int> output)
    {
        if (_byteIds is null)
        {
            if (_unknownId is int unknown && !continuesUnknown)
                output.Add(unknown);
            return;
        }

        Span<byte> bytes = stackalloc byte[4];
        foreach (byte value in bytes[..Encoding.UTF8.GetBytes(character, bytes)])
            output.Add(_byteIds[value]);
    }

    // The longest whole piece that begins here, or 0.
    private int WholeAt(ReadOnlySpan<char> text)
    {
        for (int length = Math.Min(_longestWhole, text.Length); length > 0; length--)
        {
            if (_wholeOfSpan.Contains(text[..length]))
                return length;
        }

        return 0;
    }

    /// <summary>A linked list of symbols, each a stretch of the text, and a queue of the joins that make a piece.</summary>
    private sealed class Encoder(SentencePieceModel model) : SubwordEncoder
    {
        private readonly PriorityQueue<Join, JoinOrder> _joins = new();
        private readonly List<Symbol> _symbols = [];

        public override void Encode(string word, List<int> output)
        {
            Split(word);
            for (int i = 0; i + 1 < _symbols.Count; i++)
                Offer(word, i);
            while (_joins.TryDequeue(out Join join, out _))
            {
                // A join is stale once either side has been joined to something else.
                Symbol left = _symbols[join.Left];
                if (left.Length == 0 || left.Next < 0 || left.Length + _symbols[left.Next].Length != join.Length ||
                    left.Next != join.Right)
                {
                    continue;
                }

                Unite(join);
                Offer(word, join.Left);
                if (left.Previous >= 0)
                    Offer(word, left.Previous);
            }

            bool isKnown = true;
            for (int i = 0; i >= 0 && i < _symbols.Count; i = _symbols[i].Next)
            {
                ReadOnlySpan<char> text = word.AsSpan(_symbols[i].Start, _symbols[i].Length);
                bool wasKnown = isKnown;
                isKnown = model._pieceOfSpan.TryGetValue(text, out int id);
                if (isKnown)
                    output.Add(id);
                else
                    model.AddUnknown(text, !wasKnown, output);
            }
        }

        private void Split(string word)
        {
            _symbols.Clear();
            for (int at = 0; at < word.Length;)
            {
                int whole = model.WholeAt(word.AsSpan(at));
                int length = whole > 0 ? whole : char.IsHighSurrogate(word[at]) ? 2 : 1;
                int next = at + length < word.Length ? _symbols.Count + 1 : -1;
                _symbols.Add(new Symbol(at, length, _symbols.Count - 1, next, whole > 0));
                at += length;
            }
        }

        private void Unite(Join join)
        {
            Symbol left = _symbols[join.Left];
            Symbol right = _symbols[join.Right];
            _symbols[join.Left] = left with { Length = join.Length, Next = right.Next };
            _symbols[join.Right] = right with { Length = 0 };
            if (right.Next >= 0)
                _symbols[right.Next] = _symbols[right.Next] with { Previous = join.Left };
        }

        private void Offer(string word, int left)
        {
            int right = _symbols[left].Next;
            if (right < 0 || _symbols[left].IsWhole || _symbols[right].IsWhole)
                return;
            int length = _symbols[left].Length + _symbols[right].Length;
            if (length <= model._longest && model._pieceOfSpan.TryGetValue(word.AsSpan(_symbols[left].Start, length), out int id))
                _joins.Enqueue(new Join(left, right, length), new JoinOrder(model._scores[id], left));
        }

        private readonly record struct Symbol(int Start, int Length, int Previous, int Next, bool IsWhole);

        private readonly record struct Join(int Left, int Right, int Length);

        private readonly record struct JoinOrder(float Score, int Left) : IComparable<JoinOrder>
        {
            public int CompareTo(JoinOrder other) =>
                Score != other.Score ? other.Score.CompareTo(Score) : Left.CompareTo(other.Left);
        }
    }
}
