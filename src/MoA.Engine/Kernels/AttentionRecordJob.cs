using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// What policies that go by the attention that rows got do around one layer's attention, for each segment and KV head:
/// before a generated token attends those that evict score rows or drop one (<see cref="LayerChoiceJob{TSimd, TVector}"/> does the rest); afterwards all note the new tokens and the attention
/// that they gave.
/// </summary>
internal readonly unsafe struct AttentionRecordJob<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private readonly WorkerScratch _scratch;
    private readonly AttentionInputs _inputs;
    private readonly AttentionWork _work;
    private readonly bool _attended;

    /// <summary>Describes one of the two halves.</summary>
    /// <param name="scratch">Memory of the workers.</param>
    /// <param name="inputs">Tensors of the layer.</param>
    /// <param name="work">The batch.</param>
    /// <param name="attended">Whether the layer's attention is done, and its rows are stored.</param>
    public AttentionRecordJob(WorkerScratch scratch, AttentionInputs inputs, AttentionWork work, bool attended)
    {
        _scratch = scratch;
        _inputs = inputs;
        _work = work;
        _attended = attended;
    }

    /// <summary>Number of items.</summary>
    public int Items => _work.SegmentCount * _inputs.KeyValueHeads;

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        AttentionSegment segment = _work.Segments[index / _inputs.KeyValueHeads];
        int head = index % _inputs.KeyValueHeads;
        if (_attended && segment.Cache.Blocks(_inputs.Layer) is BlockMemory memory)
            Note(segment, head, memory, worker);
        if (segment.Cache.EvictionOf(_inputs.Layer) is not EvictionPolicy policy)
            return;
        if (_attended)
            Note(segment, head, policy, worker);
        else if (segment.Mode == AttentionMode.Decode)
            MakeRoom(segment, head, policy, worker);
    }

    private void MakeRoom(in AttentionSegment segment, int head, EvictionPolicy policy, int worker)
    {
        bool isDue = RowEviction.IsDue(segment.Cache.Head(_inputs.Layer, head), policy);
        if (policy.Scorer is RecoveryScorer recovery)
        {
            if (isDue)
                Profile(segment.Cache, head, recovery, worker);
            StrategyEviction.MakeRoom(segment.Cache, _inputs.Layer, head);
            return;
        }

        if (isDue)
            Score(segment.Cache, head, policy, segment.Cache.Length, worker);
        RowEviction.DropOne(segment.Cache, policy, _inputs.Layer, head);
    }

    // What the last queries say of all rows; other scores stand already.
    private void Score(SequenceCache sequence, int head, EvictionPolicy policy, int length, int worker)
    {
        RowScorer scorer = policy.Scorer;
        HeadCache cache = sequence.Head(_inputs.Layer, head);
        if (scorer is KeyDifferenceScorer)
        {
            KeyDifference<TSimd, TVector>.Score(cache, _inputs.HeadSize, _scratch, worker);
        }
        else if (scorer is ExpectedAttentionScorer expected)
        {
            QueryStatistics statistics = sequence.Statistics(_inputs.Layer, head);
            ExpectedAttention<TSimd, TVector>.Score(
                cache, expected, statistics, sequence.TurnOf(_inputs.Layer), length, _inputs, _scratch, worker);
            if (policy.Chunk is null)
                statistics.Clear();
        }
        else if (scorer.ObservedQueries > 0)
        {
            QueryWindow window = sequence.Window(_inputs.Layer, head);
            cache.Tokens!.Scores.Clear();
            if (window.Count > 0)
            {
                AttentionReceived<TSimd, TVector>.Add(
                    cache, head * _inputs.Group, window.Rows, window.Width, window.Count, _inputs, _scratch, worker, cache.Tokens.Scores);
            }

            // Those that choose again may do so before as many have been observed anew.
            if (policy.Every is null)
                window.Clear();
        }
    }

    // Without a prompt of its own, what is held stays.
    private void Profile(SequenceCache sequence, int head, RecoveryScorer scorer, int worker)
    {
        HeadCache cache = sequence.Head(_inputs.Layer, head);
        QueryWindow window = sequence.Window(_inputs.Layer, head);
        float[] received = new float[cache.Tokens!.Count], near = new float[received.Length];
        AttentionReceived<TSimd, TVector>.AddNear(
            cache, head * _inputs.Group, window.Rows, window.Width, window.Count, _inputs, _scratch, worker, received, near,
            StrategyEviction.RecentTokens(scorer, sequence.Length));
        StrategyEviction.Choose(sequence, _inputs.Layer, head, scorer, received, near, window.Count);
        window.Clear();
    }

    private void Note(in AttentionSegment segment, int head, BlockMemory memory, int worker) =>
        AttentionReceived<TSimd, TVector>.Add(
            segment.Cache.Head(_inputs.Layer, head), head * _inputs.Group, _inputs.Query(segment.FirstRow, head * _inputs.Group),
            (nint)_inputs.QueryHeads * _inputs.HeadSize, segment.Rows, _inputs, _scratch, worker,
            memory.Received(head)[..(segment.Cache.Length + segment.Rows)], memory.LocalTokens);

    private void Note(in AttentionSegment segment, int head, EvictionPolicy policy, int worker)
    {
        HeadCache cache = segment.Cache.Head(_inputs.Layer, head);
        HeldTokens tokens = cache.Tokens!;
        float* queries = _inputs.Query(segment.FirstRow, head * _inputs.Group);
        nint stride = (nint)_inputs.QueryHeads * _inputs.HeadSize;
        bool isObserved = segment.Mode == AttentionMode.Prefill || policy.Every is not null;
        tokens.Append(segment.Cache.Length, segment.Rows, segment.Mode == AttentionMode.Prefill);
        switch (policy.Scorer)
        {
            case RepetitionScorer when segment.Cache.Repeated is RepeatedPart part:
                AttentionReceived<TSimd, TVector>.Repeat(
                    cache, part.Sequence.Head(_inputs.Layer, head).Tokens!, part, head * _inputs.Group, queries, stride, segment.Rows, _inputs, _scratch, worker);
                break;
            case LastAttentionScorer:
                tokens.Scores.Clear();
                AttentionReceived<TSimd, TVector>.Add(
                    cache, head * _inputs.Group, queries + (segment.Rows - 1) * stride, stride, 1, _inputs, _scratch, worker, tokens.Scores);
                break;
            case RecoveryScorer when segment.Mode == AttentionMode.Decode:
                if (segment.Cache.StrategyOf(_inputs.Layer, head).Strategy is HeadStrategy.Heavy or HeadStrategy.Recent)
                {
                    AttentionReceived<TSimd, TVector>.Add(
                        cache, head * _inputs.Group, queries, stride, 1, _inputs, _scratch, worker, tokens.Scores);
                }

                break;
            case { ScoresEveryToken: true }:
                AttentionReceived<TSimd, TVector>.Add(
                    cache, head * _inputs.Group, queries, stride, segment.Rows, _inputs, _scratch, worker, tokens.Scores);
                break;
            case ExpectedAttentionScorer expected when isObserved:
                ExpectedAttention<TSimd, TVector>.Add(
                    segment.Cache.Statistics(_inputs.Layer, head), expected.FirstTokens, segment.Cache.TurnOf(_inputs.Layer), segment.Cache.Length, queries, stride,
                    segment.Rows, _inputs, _scratch, worker);
                break;
            case { ObservedQueries: > 0 } when isObserved:
                segment.Cache.Window(_inputs.Layer, head).Add(queries, stride, segment.Rows);
                break;
        }

        int length = segment.Cache.Length + segment.Rows;
        if (segment.Mode == AttentionMode.Prefill && policy.Chunk is int chunk && length % chunk == 0
            && (policy.ScoresWhatFits || tokens.Count > policy.RowsOf(_inputs.Layer, head, _inputs.KeyValueHeads, segment.Cache.Capacity)))
        {
            Score(segment.Cache, head, policy, length, worker);
            RowEviction.Trim(segment.Cache, policy, _inputs.Layer, head, length);
        }
    }
}
