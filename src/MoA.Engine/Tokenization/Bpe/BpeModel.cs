using System.Text;

namespace MoA.Engine.Tokenization.Bpe;

/// <summary>
/// Byte-pair encoding: a word starts as its characters, and the neighbouring pair with the lowest merge rank is joined,
/// leftmost first, until none is left. Immutable and safe to share between threads.
/// </summary>
internal sealed class BpeModel : SubwordModel
{
    private const char SpaceMark = '\u2581';
    private const int LongestCachedWord = 256;

    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _idOfSpan;
    private readonly Dictionary<ulong, BpeMerge> _merges;
    private readonly BpeOptions _options;
    private readonly int[]? _byteIds;
    private readonly int? _unknownId;
    private readonly bool _mergesStayWithinWords;

    /// <param name="vocabulary">Id of every token.</param>
    /// <param name="merges">The merges in the order of their ranks, the first merged first.</param>
    /// <param name="options">The variant.</param>
    /// <exception cref="InvalidInputException">A merge or option names a token that the vocabulary lacks.</exception>
    public BpeModel(
        Dictionary<string, int> vocabulary, IReadOnlyList<(string Left, string Right)> merges, BpeOptions options)
    {
        _vocabulary = vocabulary;
        _idOfSpan = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        _options = options;
        _merges = new(merges.Count);
        for (int rank = 0; rank < merges.Count; rank++)
        {
            (string left, string right) = merges[rank];
            _merges[Key(Require(left, rank), Require(right, rank))] = new(rank, Require(left + right, rank));
        }

        _byteIds = options.ByteFallback ? FindByteIds(vocabulary) : null;
        _unknownId = options.UnknownToken is not { } unknown ? null : IdOf(unknown)
            ?? throw new InvalidInputException($"the vocabulary lacks its unknown token '{unknown}'");
        _mergesStayWithinWords = !options.IgnoreMerges && _vocabulary.ContainsKey(SpaceMark.ToString())
            && !merges.Any(merge => merge.Right.StartsWith(SpaceMark) && !merge.Left.EndsWith(SpaceMark));
    }

    public override IReadOnlyDictionary<string, int> Vocabulary => _vocabulary;

    public override int? IdOf(string token) => _vocabulary.TryGetValue(token, out int id) ? id : null;

    // What words begin as, and what merges make of it.
    public override IReadOnlySet<int> FindWritten(IEnumerable<string> added)
    {
        string[] known = [.. added.Where(_vocabulary.ContainsKey)];
        HashSet<int> written = [.. known.Select(token => _vocabulary[token])];
        written.IntersectWith(_merges.Values.Select(merge => merge.Id));
        written.UnionWith(known.Where(token => token.Length == 1).Select(token => _vocabulary[token]));
        return written;
    }

    public override SubwordEncoder Start() => new Encoder(this);

    // The scratch is the working memory of one text and remembers its words.
    private void Encode(string word, BpeScratch scratch, List<int> output)
    {
        if (!_mergesStayWithinWords)
        {
            EncodeWord(word, scratch, output);
            return;
        }

        // No merge joins a space mark to a character before it, so a text can be cut there and gets the same tokens.
        int from = 0;
        for (int at = 1; at < word.Length; at++)
        {
            if (word[at] != SpaceMark || word[at - 1] == SpaceMark)
                continue;
            EncodeWord(word.AsSpan(from, at - from), scratch, output);
            from = at;
        }

        EncodeWord(word.AsSpan(from), scratch, output);
    }

    private void EncodeWord(ReadOnlySpan<char> word, BpeScratch scratch, List<int> output)
    {
        if (word.IsEmpty)
            return;
        if (_options.IgnoreMerges && _idOfSpan.TryGetValue(word, out int whole))
        {
            output.Add(whole);
            return;
        }

        if (scratch.TryFind(word, out int[]? known))
        {
            output.AddRange(known);
            return;
        }

        int start = output.Count;
        scratch.Symbols.Clear();
        AddCharacters(word, scratch.Symbols);
        scratch.Merge(_merges, output);
        if (word.Length <= LongestCachedWord)
            scratch.Remember(word, [.. output[start..]]);
    }

    private void AddCharacters(ReadOnlySpan<char> word, List<int> symbols)
    {
        Span<byte> bytes = stackalloc byte[4];
        bool unknownBefore = false;
        for (int at = 0; at < word.Length;)
        {
            int length = char.IsHighSurrogate(word[at]) ? 2 : 1;
            ReadOnlySpan<char> character = word.Slice(at, length);
            at += length;
            if (_idOfSpan.TryGetValue(character, out int id))
            {
                symbols.Add(id);
                unknownBefore = false;
            }
            else if (_byteIds is not null)
            {
                int count = Encoding.UTF8.GetBytes(character, bytes);
                foreach (byte value in bytes[..count])
                    symbols.Add(_byteIds[value]);
                unknownBefore = false;
            }
            else if (_unknownId is int unknown)
            {
                if (!unknownBefore || !_options.FuseUnknown)
                    symbols.Add(unknown);
                unknownBefore = true;
            }
        }
    }

    private int Require(string token, int rank) => _vocabulary.TryGetValue(token, out int id)
        ? id
        : throw new InvalidInputException($"merge {rank + 1} names the token '{token}', which the vocabulary lacks");

    /// <summary>
    /// Names a pair. The multiplication is one-to-one (an odd factor) and mixes the bits: a dictionary hashes a number by
    /// its two halves, which would be the same for all pairs of equal tokens.
    /// </summary>
    internal static ulong Key(int left, int right) => ((ulong)(uint)left << 32 | (uint)right) * 0x9E3779B97F4A7C15;

    private sealed class Encoder(BpeModel model) : SubwordEncoder
    {
        private readonly BpeScratch _scratch = new();

        public override void Encode(string word, List<int> output) => model.Encode(word, _scratch, output);
    }
}
