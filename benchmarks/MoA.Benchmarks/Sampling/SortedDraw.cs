using MoA.Engine.Kernels;

namespace MoA.Benchmarks.Sampling;

/// <summary>Draws as the definition says, with a sort of the whole vocabulary: what the engine's way is measured against.</summary>
internal sealed class SortedDraw(int vocabulary)
{
    private readonly (float Logit, int Token)[] _sorted = new (float, int)[vocabulary];
    private readonly double[] _weights = new double[vocabulary];

    /// <summary>The token.</summary>
    public int From(ReadOnlySpan<float> logits, TokenDraw draw)
    {
        for (int token = 0; token < logits.Length; token++)
            _sorted[token] = (-logits[token], token);
        Array.Sort(_sorted);
        for (int i = 0; i < _sorted.Length; i++)
            _weights[i] = Math.Exp((_sorted[0].Logit - (double)_sorted[i].Logit) / draw.Temperature);
        int kept = draw.TopK > 0 ? Math.Min(draw.TopK, _sorted.Length) : _sorted.Length;
        double total = Sum(kept), sum = 0;
        int enough = 0;
        while (enough < kept && sum < draw.TopP * total)
            sum += _weights[enough++];
        kept = enough;
        while (kept > 1 && _weights[kept - 1] < draw.MinP)
            kept--;
        double point = draw.Point * Sum(kept);
        int place = 0;
        for (sum = _weights[0]; place < kept - 1 && sum <= point;)
            sum += _weights[++place];
        return _sorted[place].Token;
    }

    private double Sum(int count)
    {
        double sum = 0;
        for (int i = 0; i < count; i++)
            sum += _weights[i];
        return sum;
    }
}
