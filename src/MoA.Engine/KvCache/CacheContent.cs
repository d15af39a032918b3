using MoA.Engine.Attention;
using MoA.Engine.Configuration;

namespace MoA.Engine.KvCache;

/// <summary>What a sequence's caches hold when some tokens were written, wherever its rows stand: what others are made from.</summary>
/// <param name="Config">The model.</param>
/// <param name="Policy">Which rows stay.</param>
/// <param name="Shape">What the rows are.</param>
/// <param name="Memory">Where they are.</param>
/// <param name="Capacity">The N of the rules that chose them.</param>
/// <param name="Length">Tokens written.</param>
/// <param name="Heads">What is held of each head, in the layouts that the caches have.</param>
/// <param name="Rows">The rows, in whatever layouts; what is held is among them.</param>
/// <param name="Notes">What the policy remembers besides.</param>
internal sealed record CacheContent(
    ModelConfig Config, AttentionPolicy Policy, RowsShape Shape, ICacheMemory Memory, int Capacity, int Length, RingState[] Heads, SequenceRows Rows,
    AttentionNotes Notes)
{
    /// <inheritdoc cref="SequenceCache.ReadAfresh"/>
    public int ReadAfresh { get; init; }

    private bool GoesByAttention => Shape.Choice != RowChoice.ByPosition;

    /// <summary>Whether nothing has been lost that was held when there were only so many tokens.</summary>
    public bool CanRewind(int length) => length == Length
        || (Landing(length) == length && length >= 0 && length < Length && !GoesByAttention && Array.TrueForAll(Heads, head => head.StillHolds(length, Length)));

    /// <summary>
    /// The most of the first tokens to which caches go back for a text that shares so many of them: all, but with a prefill policy no more than were read as that
    /// text would be.
    /// </summary>
    public int Landing(int length) => length == Length || Policy.Prefill is not { } prefill ? length : Math.Min(ReadAfresh, length / prefill.Piece * prefill.Piece);

    /// <summary>Whether caches of another capacity can go on from here: the model turns their queries and keys by the same angles.</summary>
    public bool CanGoOnAt(int capacity) => capacity >= Length && Config.TurnsAlike(Capacity, CapacityFor(capacity));

    /// <summary>What the caches held when there were only so many tokens.</summary>
    /// <exception cref="InvalidOperationException">Not all of it is held any more.</exception>
    public CacheContent At(int length)
    {
        if (length == Length)
            return this;
        if (!CanRewind(length))
            throw new InvalidOperationException($"The caches of {Length} tokens do not hold all any more that they held at {length}.");
        return this with { Length = length, Heads = [.. Heads.Select(head => head.At(length))] };
    }

    /// <summary>The capacity of caches that are made for a capacity: where rows are chosen by attention, no smaller one than they were chosen for.</summary>
    public int CapacityFor(int capacity) => GoesByAttention ? Math.Max(capacity, Capacity) : capacity;

    /// <summary>The rows of the tokens that a head holds: by number where they are evicted by their scores.</summary>
    public int HeldTokens(int head) => Tokens(head)?.Count ?? Length;

    /// <summary>Layouts without room for anything but what is held.</summary>
    public HeadLayout[] PackedLayouts() => [.. Heads.Select((head, i) => head.Packed(Math.Max(1, HeldTokens(i))))];

    /// <summary>
    /// What is held of each head in caches of a capacity, and the layouts of these: by the policy's rules, but no ring shrinks unless the
    /// capacity does.
    /// </summary>
    public RingState[] HeadsAt(int capacity, LayerSpans[] spans)
    {
        HeadLayout[] layouts = [.. spans.SelectMany(layer => layer.Stored)];
        RingState[] heads = new RingState[Heads.Length];
        for (int i = 0; i < heads.Length; i++)
        {
            RingState head = Heads[i];
            if (Tokens(i) is HeldTokens tokens)
            {
                int rows = Math.Max(head.Layout.Rows, Math.Min(tokens.Count + capacity - Length, layouts[i].Rows));
                heads[i] = new RingState(HeadLayout.OfEvicted(rows));
                continue;
            }

            // A ring alone may have lost the sink's tokens, which another layout would take for held.
            bool shrinks = capacity < Capacity && layouts[i].SinkRows <= head.Layout.SinkRows;
            heads[i] = layouts[i].Rows > head.Layout.Rows || shrinks ? head.In(layouts[i], Length) : head;
        }

        return heads;
    }

    /// <summary>Bytes of caches in which each head has one of these layouts.</summary>
    public long BytesIn(IEnumerable<RingState> heads) => Memory.BytesOf(Shape, [.. heads.Select(head => head.Layout)]) + Notes.Bytes;

    private HeldTokens? Tokens(int head) => (Rows as HostRows)?.Head(head).Tokens;
}
