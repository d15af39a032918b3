using MoA.Engine.Attention;

namespace MoA.Engine.Kernels.Sparse;

/// <summary>The queries of one head in a piece of a prompt, and the keys up to its end: what a choice goes by.</summary>
internal readonly unsafe struct PieceQueries<TSimd, TVector>
    where TSimd : Numerics.ISimd<TVector>
    where TVector : struct
{
    private readonly int _row;

    public PieceQueries(in AttentionInputs inputs, in AttentionSegment segment, in SparsePiece piece, int head)
    {
        Inputs = inputs;
        Head = head;
        Keys = new SegmentRows<TSimd, TVector>(inputs, segment, head / inputs.Group);
        Start = Keys.Start + piece.FirstRow;
        Rows = piece.Rows;
        View = KeyView.Of(segment.Cache.Head(inputs.Layer, head / inputs.Group), Keys.Start, segment.Cache.Spans[inputs.Layer], head);
        _row = segment.FirstRow + piece.FirstRow;
        RingStart = Math.Min(End, View.RingStart(End - 1));
    }

    public AttentionInputs Inputs { get; }

    public SegmentRows<TSimd, TVector> Keys { get; }

    /// <summary>What of the keys may be seen at all.</summary>
    public KeyView View { get; }

    /// <summary>Query head.</summary>
    public int Head { get; }

    /// <summary>Position of the first query.</summary>
    public int Start { get; }

    /// <summary>Queries.</summary>
    public int Rows { get; }

    /// <summary>Position behind the last query: there are as many keys.</summary>
    public int End => Start + Rows;

    /// <summary>Behind the sink's keys that the last query may see.</summary>
    public int SinkEnd => Math.Min(End, View.Sink);

    /// <summary>The first of the other keys that the last query may see; the end where there are none.</summary>
    public int RingStart { get; }

    /// <summary>Floats from query to query.</summary>
    public nint Stride => (nint)Inputs.QueryHeads * Inputs.HeadSize;

    /// <summary>What products are multiplied by to be scores.</summary>
    public float Scale => Inputs.Traits.ScaleOf(Inputs.HeadSize);

    /// <summary>The query at a position of the piece.</summary>
    public float* Query(int position) => Inputs.Query(_row + position - Start, Head);

    /// <summary>Whether the last query may see some of the keys between two positions.</summary>
    public bool Sees(int first, int end)
    {
        KeyRange next = NextKeys(first);
        return next.First < Math.Min(next.End, end);
    }

    /// <summary>The next keys that the last query may see, from a position on, within one block of 64; none at the end.</summary>
    public KeyRange NextKeys(int position)
    {
        position = position < SinkEnd ? Math.Max(position, View.OldestInSink) : Math.Max(position, RingStart);
        int limit = position < SinkEnd ? SinkEnd : End;
        return new KeyRange(position, Math.Min(limit, (position / ElasticRule.BlockSize + 1) * ElasticRule.BlockSize));
    }
}
