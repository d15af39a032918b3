using System.Diagnostics.CodeAnalysis;

namespace MoA.Engine.Tokenization.Bpe;

/// <summary>
/// Working memory for encoding one text: the symbols of the word at hand, and the words already encoded. A linked list and
/// a priority queue keep merging near n log n, also when a whole document is one word.
/// </summary>
internal sealed class BpeScratch
{
    private const int Dead = -1;
    private const int NoMerge = int.MaxValue;
    private const int MaximumWords = 1 << 18;

    private readonly PriorityQueue<int, long> _queue = new();
    private readonly Dictionary<string, int[]> _words;
    private readonly Dictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _wordOfSpan;
    private int[] _id = [];
    private int[] _previous = [];
    private int[] _next = [];
    private BpeMerge[] _merge = [];

    public BpeScratch()
    {
        _words = [];
        _wordOfSpan = _words.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>The symbols that <see cref="Merge"/> starts from.</summary>
    public List<int> Symbols { get; } = [];

    public bool TryFind(ReadOnlySpan<char> word, [NotNullWhen(true)] out int[]? tokens) =>
        _wordOfSpan.TryGetValue(word, out tokens);

    public void Remember(ReadOnlySpan<char> word, int[] tokens)
    {
        if (_words.Count < MaximumWords)
            _wordOfSpan[word] = tokens;
    }

    /// <summary>Merges <see cref="Symbols"/> as far as the merges go and adds the result to <paramref name="output"/>.</summary>
    public void Merge(Dictionary<ulong, BpeMerge> merges, List<int> output)
    {
        int count = Symbols.Count;
        if (count == 0)
            return;
        LinkSymbols(count);
        for (int i = 0; i + 1 < count; i++)
            Offer(i, merges);

        while (_queue.TryDequeue(out int left, out long priority))
        {
            // An entry is stale once its pair has changed: the rank that now stands at this place is another one.
            BpeMerge merge = _merge[left];
            if (_id[left] == Dead || merge.Rank != (int)(priority >> 32))
                continue;
            int right = _next[left];
            _id[left] = merge.Id;
            _id[right] = Dead;
            _next[left] = _next[right];
            if (_next[right] < count)
                _previous[_next[right]] = left;
            Offer(left, merges);
            if (_previous[left] >= 0)
                Offer(_previous[left], merges);
        }

        for (int i = 0; i < count; i = _next[i])
            output.Add(_id[i]);
    }

    private void LinkSymbols(int count)
    {
        if (_id.Length < count)
        {
            int capacity = Math.Max(64, count);
            _id = new int[capacity];
            _previous = new int[capacity];
            _next = new int[capacity];
            _merge = new BpeMerge[capacity];
        }

        Symbols.CopyTo(_id);
        for (int i = 0; i < count; i++)
            (_previous[i], _next[i]) = (i - 1, i + 1);
    }

    // Looks up the merge of the symbol at a place with the one after it and queues it: by rank, then from the left.
    private void Offer(int left, Dictionary<ulong, BpeMerge> merges)
    {
        int right = _next[left];
        if (right < Symbols.Count && merges.TryGetValue(BpeModel.Key(_id[left], _id[right]), out BpeMerge merge))
        {
            _merge[left] = merge;
            _queue.Enqueue(left, (long)merge.Rank << 32 | (uint)left);
        }
        else
        {
            _merge[left] = new(NoMerge, Dead);
        }
    }
}
