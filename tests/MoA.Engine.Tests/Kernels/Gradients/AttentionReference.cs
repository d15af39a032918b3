using MoA.Engine.Kernels;

namespace MoA.Engine.Tests.Kernels.Gradients;

/// <summary>
/// Attention of one query head in double, written down from docs/method.md, sections 1 and 3, with whole n×n matrices:
/// forward, and from the gradient at its outputs the signed influence E and the gradients of queries, keys and values.
/// </summary>
internal sealed class AttentionReference
{
    private readonly int _n;
    private readonly int _size;
    private readonly int _window;
    private readonly AttentionTraits _traits;
    private readonly double? _sink;
    private readonly Func<int, int, double>? _kept;
    private readonly (int Block, int Ring)? _span;
    private readonly double[][] _queries;
    private readonly double[][] _keys;
    private readonly double[][] _values;

    /// <summary>Runs the forward pass; matrices are [n][d].</summary>
    /// <param name="queries">Queries.</param>
    /// <param name="keys">Keys.</param>
    /// <param name="values">Values.</param>
    /// <param name="window">Position i sees j &gt; i − window.</param>
    /// <param name="traits">What becomes of products; its sinks are not looked at.</param>
    /// <param name="sink">One more score of each row, for nothing.</param>
    /// <param name="kept">What numerators of the softmax are multiplied by before rows are divided by their sums; null for 1.</param>
    /// <param name="span">Of a plan (docs/method.md, section 4): what queries see besides the first block; null for everything.</param>
    public AttentionReference(
        double[][] queries, double[][] keys, double[][] values, int window, AttentionTraits traits = default, double? sink = null,
        Func<int, int, double>? kept = null, (int Block, int Ring)? span = null)
    {
        _span = span;
        _traits = traits;
        _sink = sink;
        _kept = kept;
        _n = queries.Length;
        _size = queries[0].Length;
        _window = window;
        _queries = queries;
        _keys = keys;
        _values = values;
        Probabilities = [.. Enumerable.Range(0, _n).Select(Softmax)];
        Outputs = [.. Probabilities.Select(row => Combine(row, values))];
    }

    /// <summary>[n][d], after RoPE.</summary>
    public double[][] Keys => _keys;

    public double[][] Probabilities { get; }

    public double[][] Outputs { get; }

    /// <summary>E; what a query does not see is 0.</summary>
    public double[][] Influence { get; private set; } = [];

    public double[][] QueryGradient { get; private set; } = [];

    public double[][] KeyGradient { get; private set; } = [];

    public double[][] ValueGradient { get; private set; } = [];

    public void Backward(double[][] outputGradient)
    {
        Influence = Matrix(_n, _n);
        QueryGradient = Matrix(_n, _size);
        KeyGradient = Matrix(_n, _size);
        ValueGradient = Matrix(_n, _size);
        for (int i = 0; i < _n; i++)
        {
            double[] a = Probabilities[i];
            double[] g = [.. _values.Select(value => Dot(outputGradient[i], value))];
            double mean = Dot(a, g);
            for (int j = 0; j < _n; j++)
            {
                if (!Reaches(i, j))
                    continue;
                if (!Sees(i, j))
                {
                    // What the probability would be if this key were seen as well: e/(Z + e).
                    double ratio = RatioOfHidden(i, j);
                    Influence[i][j] = ratio / (1 + ratio) * (g[j] - mean);
                    continue;
                }

                double others = Math.Max(0, 1 - a.Sum()), othersSum = 0; // a sink's share
                others = _sink is null ? 0 : others;
                for (int k = 0; k <= i; k++)
                {
                    others += k == j ? 0 : a[k];
                    othersSum += k == j ? 0 : a[k] * g[k];
                }

                Influence[i][j] = a[j] * (g[j] - (others > 0 ? othersSum / others : 0));
                double score = a[j] * (g[j] - mean) * Slope(i, j);
                for (int d = 0; d < _size; d++)
                {
                    QueryGradient[i][d] += score * _keys[j][d];
                    KeyGradient[j][d] += score * _queries[i][d];
                    ValueGradient[j][d] += a[j] * outputGradient[i][d];
                }
            }
        }
    }

    /// <summary>Sums of |E| over square blocks, [T, T].</summary>
    public float[] BlockSums(int block = 64)
    {
        int blocks = (_n + block - 1) / block;
        double[] sums = new double[blocks * blocks];
        for (int i = 0; i < _n; i++)
        {
            for (int j = 0; j < _n; j++)
                sums[i / block * blocks + j / block] += Math.Abs(Influence[i][j]);
        }

        return [.. sums.Select(sum => (float)sum)];
    }

    /// <summary>e/Z of a hidden key, by what is known of the query's own: Z = e/A.</summary>
    public double RatioOfHidden(int i, int j) => Probabilities[i][i] * Math.Exp(ScoreOf(i, j) - ScoreOf(i, i));

    public static double[][] Matrix(int rows, int columns) =>
        [.. Enumerable.Range(0, rows).Select(_ => new double[columns])];

    public static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private bool Reaches(int i, int j) => j <= i && j > (long)i - _window;

    private bool Sees(int i, int j) =>
        Reaches(i, j) && (_span is not (int block, int ring) || j / block == 0 || j / block >= i / block - ring / block + 1);

    private double ScoreOf(int i, int j) => Score(Dot(_queries[i], _keys[j]));

    private double[] Softmax(int i)
    {
        double[] scores = new double[_n];
        for (int j = 0; j < _n; j++)
            scores[j] = Sees(i, j) ? ScoreOf(i, j) : double.NegativeInfinity;
        double largest = Math.Max(scores.Max(), _sink ?? double.NegativeInfinity);
        double[] numerators = [.. scores.Select((score, j) => Math.Exp(score - largest) * (_kept?.Invoke(i, j) ?? 1))];
        double sum = numerators.Sum() + (_sink is double sink ? Math.Exp(sink - largest) : 0);
        return [.. numerators.Select(numerator => numerator / sum)];
    }

    private double Scale => _traits.Scale > 0 ? _traits.Scale : 1 / Math.Sqrt(_size);

    private double Score(double product) => _traits.SoftCap > 0 ? _traits.SoftCap * Math.Tanh(product * Scale / _traits.SoftCap) : product * Scale;

    // ∂score/∂product.
    private double Slope(int i, int j) => _traits.SoftCap > 0
        ? Scale * (1 - Math.Pow(Math.Tanh(Dot(_queries[i], _keys[j]) * Scale / _traits.SoftCap), 2))
        : Scale;

    private static double[] Combine(double[] weights, double[][] rows)
    {
        double[] result = new double[rows[0].Length];
        for (int j = 0; j < rows.Length; j++)
        {
            for (int d = 0; d < result.Length; d++)
                result[d] += weights[j] * rows[j][d];
        }

        return result;
    }
}
