using MoA.Engine.Attention;

namespace MoA.Benchmarks.Climbing;

/// <summary>A plan for one length: how many rows each head keeps there, the same number in all whatever moves.</summary>
internal sealed class RowPlan
{
    private readonly int[][] _rows;
    private readonly int _length;
    private readonly int _block;
    private readonly HeadKind _kind;

    public RowPlan(AttentionPlan plan, int length)
        : this([.. Enumerable.Range(0, plan.Layers).Select(layer => Enumerable.Range(0, plan.HeadsPerLayer).Select(head => plan[layer, head].Rows(length)).ToArray())],
            length, plan.Block, plan.HeadKind)
    {
    }

    private RowPlan(int[][] rows, int length, int block, HeadKind kind)
    {
        _rows = rows;
        _length = length;
        _block = block;
        _kind = kind;
    }

    /// <summary>Two heads swap what they keep, or one gives the other up to all that it can spare; null where that changes nothing.</summary>
    public RowPlan? Move(Random random)
    {
        int[][] rows = [.. _rows.Select(layer => layer.ToArray())];
        ref int giver = ref rows[random.Next(rows.Length)][random.Next(rows[0].Length)];
        ref int taker = ref rows[random.Next(rows.Length)][random.Next(rows[0].Length)];
        int most = Math.Min(giver - 2 * _block, _length - taker) / _block;
        if (giver == taker || most <= 0)
            return null;
        int moved = random.Next(2) == 0 && giver > taker ? giver - taker : (random.Next(2) == 0 ? most : random.Next(1, most + 1)) * _block;
        giver -= moved;
        taker += moved;
        return new RowPlan(rows, _length, _block, _kind);
    }

    /// <summary>The plan, with rules that say rows alone.</summary>
    public AttentionPlan ToPlan() => new(
        [.. _rows.Select(layer => layer.Select(rows => new ElasticRule(rows, 0) { Block = _block }).ToArray())], _kind);
}
