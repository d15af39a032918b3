using ILGPU;
using MoA.Engine.Attention;

namespace MoA.Gpu.Kernels;

/// <summary>How many lanes share a row: sixteen numbers of a head are one lane's.</summary>
internal interface IRowLanes
{
    /// <summary>A power of two, at least a sixteenth of the head's size.</summary>
    static abstract int Count { get; }
}

/// <summary>For heads of up to 64.</summary>
internal readonly struct FourLanes : IRowLanes
{
    public static int Count => 4;
}

/// <summary>For heads of up to 128.</summary>
internal readonly struct EightLanes : IRowLanes
{
    public static int Count => 8;
}

/// <summary>For heads of up to 256.</summary>
internal readonly struct SixteenLanes : IRowLanes
{
    public static int Count => 16;
}

/// <summary>Queries that attend together: heads of a group that decode, or neighbouring rows of a prompt.</summary>
internal struct QuerySource
{
    /// <summary>Floats.</summary>
    public ArrayView<Quad> Queries;

    /// <summary>The first query's first quad.</summary>
    public long First;

    /// <summary>Quads from one query to the next.</summary>
    public int Stride;

    /// <summary>How many there are; more are taken for the last one.</summary>
    public int Count;

    /// <summary>The part of the ring that the first query sees, in tokens.</summary>
    public ArrayView<int> VisibleRing;

    /// <summary>Where the first query's stands.</summary>
    public int Ring;

    /// <summary>1 where every query has its own, 0 where they share one.</summary>
    public int RingStride;

    /// <summary>The first query's position.</summary>
    public int Position;

    /// <summary>1 where each stands one after the other, 0 where all stand at one.</summary>
    public int PositionStride;

    /// <summary>1 where the band is counted in blocks of 64, as in prompts; 0 in tokens.</summary>
    public int InBlocks;

    /// <summary>The model's own window.</summary>
    public int Window;

    /// <summary>Of scores, times log2 e.</summary>
    public float Scale;
}

/// <summary>
/// Queries with their online softmax, each lane its sixteen numbers, in registers: <see cref="Query"/>, doubled as often as
/// wanted by <see cref="TwiceQueries{TQueries}"/>, so that each row that is read serves all of them.
/// </summary>
internal interface IQueryTile
{
    /// <summary>Queries.</summary>
    static abstract int Count { get; }

    /// <summary>Reads the queries from number <paramref name="index"/> on and starts with no rows.</summary>
    /// <param name="source">The queries.</param>
    /// <param name="index">The first of them.</param>
    /// <param name="first">The lane's first octet of a head.</param>
    /// <param name="second">The lane's second octet.</param>
    /// <param name="share">1, or 0 for a lane that has no share of the head.</param>
    void Load(QuerySource source, int index, int first, int second, float share);

    /// <summary>Attends to a row; one at int.MaxValue is seen by none.</summary>
    void Add(Sixteen key, Sixteen value, int position, int lanes);

    /// <summary>Joins what the runs of lanes found; every run then has the whole.</summary>
    void Join(int lanes);

    /// <summary>Writes outputs not divided yet, with maxima and sums.</summary>
    void StorePartial(PartialOutputs outputs, long at, int left, int first, int second, bool store);

    /// <summary>Writes outputs.</summary>
    void Store(ArrayView<Quad> outputs, long at, int stride, int left, int first, int second, bool store);
}

/// <summary>One query.</summary>
internal struct Query : IQueryTile
{
    private Sixteen _query, _output;
    private float _largest, _sum;
    private int _windowStart, _bandStart, _position;

    public static int Count => 1;

    public void Load(QuerySource source, int index, int first, int second, float share)
    {
        index = Math.Min(index, source.Count - 1);
        long at = source.First + (long)index * source.Stride;
        Sixteen query = new() { A = Octet.Load(source.Queries, at + 2 * first), B = Octet.Load(source.Queries, at + 2 * second) };
        _query = query.Times(source.Scale * share);
        _output = default;
        _largest = -1e30f;
        _sum = 0;
        const int Block = ElasticRule.BlockSize;
        int ring = source.VisibleRing[source.Ring + index * source.RingStride];
        _position = source.Position + index * source.PositionStride;
        _windowStart = _position - source.Window + 1;
        _bandStart = source.InBlocks != 0 ? (_position / Block - ring / Block + 1) * Block : _position - ring + 1;
    }

    public void Add(Sixteen key, Sixteen value, int position, int lanes)
    {
        float score = LaneSum.OfRun(_query.Dot(key), lanes);
        bool seen = position <= _position && position >= _windowStart
            && (position < ElasticRule.SinkTokens || position >= _bandStart);
        float largest = seen ? Math.Max(_largest, score) : _largest;
        float correction = IntrinsicMath.CPUOnly.Exp2(_largest - largest);
        float weight = seen ? IntrinsicMath.CPUOnly.Exp2(score - largest) : 0;
        _sum = _sum * correction + weight;
        _output = _output.Blend(correction, value, weight);
        _largest = largest;
    }

    public void Join(int lanes)
    {
        if (lanes <= 4 && Threads.PerWarp > 4)
            JoinWith(4);
        if (lanes <= 8 && Threads.PerWarp > 8)
            JoinWith(8);
        if (Threads.PerWarp > 16)
            JoinWith(16);
    }

    public readonly void StorePartial(PartialOutputs outputs, long at, int left, int first, int second, bool store)
    {
        if (!store || left <= 0)
            return;
        long quad = at * outputs.HeadQuads;
        _output.A.Store(outputs.Quads, quad + 2 * first);
        _output.B.Store(outputs.Quads, quad + 2 * second);
        outputs.States[2 * at] = _largest;
        outputs.States[2 * at + 1] = _sum;
    }

    public readonly void Store(ArrayView<Quad> outputs, long at, int stride, int left, int first, int second, bool store)
    {
        if (!store || left <= 0)
            return;
        Sixteen output = _output.Times(1 / _sum);
        output.A.Store(outputs, at + 2 * first);
        output.B.Store(outputs, at + 2 * second);
    }

    private void JoinWith(int mask)
    {
        float other = Warp.ShuffleXor(_largest, mask), otherSum = Warp.ShuffleXor(_sum, mask);
        float largest = Math.Max(_largest, other);
        float mine = IntrinsicMath.CPUOnly.Exp2(_largest - largest), its = IntrinsicMath.CPUOnly.Exp2(other - largest);
        _sum = _sum * mine + otherSum * its;
        _output = _output.Blend(mine, _output.FromLane(mask), its);
        _largest = largest;
    }
}

/// <summary>Twice as many queries.</summary>
internal struct TwiceQueries<TQueries> : IQueryTile
    where TQueries : struct, IQueryTile
{
    private TQueries _first, _second;

    public static int Count => 2 * TQueries.Count;

    public void Load(QuerySource source, int index, int first, int second, float share)
    {
        _first = default;
        _second = default;
        _first.Load(source, index, first, second, share);
        _second.Load(source, index + TQueries.Count, first, second, share);
    }

    public void Add(Sixteen key, Sixteen value, int position, int lanes)
    {
        _first.Add(key, value, position, lanes);
        _second.Add(key, value, position, lanes);
    }

    public void Join(int lanes)
    {
        _first.Join(lanes);
        _second.Join(lanes);
    }

    public readonly void StorePartial(PartialOutputs outputs, long at, int left, int first, int second, bool store)
    {
        _first.StorePartial(outputs, at, left, first, second, store);
        _second.StorePartial(outputs, at + TQueries.Count, left - TQueries.Count, first, second, store);
    }

    public readonly void Store(ArrayView<Quad> outputs, long at, int stride, int left, int first, int second, bool store)
    {
        _first.Store(outputs, at, stride, left, first, second, store);
        _second.Store(outputs, at + (long)TQueries.Count * stride, stride, left - TQueries.Count, first, second, store);
    }
}
