using System.Runtime.CompilerServices;
using MoA.Engine.Attention;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>
/// The passes over single positions of a tile of 64 queries (docs/method.md, section 3). With softmax numerators e and
/// the loss's gradient G for probabilities, E_j = A_j·(G_j − S|j), where S|j is the mean of G over the other keys,
/// weighted by e. To leave out a key without cancellation, the sums over a row are kept in two parts: the key with the
/// largest e, and all others. Only that key can have A &gt; 1/2, and without it the sums are the others' part; any
/// other key may be subtracted. A query that sees one key only has nothing to compare with: there E = G. Under a plan e and the sums are of
/// the keys that a query sees; of a key that the plan hides A is what it would get if it were seen too, and S the mean over all that are.
/// </summary>
internal readonly unsafe struct InfluenceTile<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int Queries = AttentionTile<TSimd, TVector>.Queries;

    // Below all scores, yet finite: the difference of two is not NaN.
    private const float Hidden = -1e30f;

    // Turns any difference of two normal numbers into a number of magnitude 1 or more.
    private const float Steep = 1e38f;

    // What a hidden key's score may exceed the largest seen one by: its A is 1 long before, and e stays finite.
    private const float MostAbove = 60;

    private readonly AttentionTile<TSimd, TVector> _tile;
    private readonly int _firstQuery;
    private readonly int _planBlock;
    private readonly int _ring;
    private readonly int _window;
    private readonly float _scale;
    private readonly float _cap;

    /// <summary>Begins a tile: nothing summed yet.</summary>
    public InfluenceTile(in AttentionTile<TSimd, TVector> tile, int head, int firstQuery, in AttentionShape shape)
    {
        _tile = tile;
        _firstQuery = firstQuery;
        _planBlock = shape.Spans?.Block ?? ElasticRule.BlockSize;
        _ring = shape.Spans?.VisibleRing[head] ?? int.MaxValue;
        _window = shape.SlidingWindow;
        _scale = shape.Traits.ScaleOf(shape.HeadSize);
        _cap = shape.Traits.SoftCap;
        new Span<float>(tile.Maxima, Queries).Fill(Hidden);
        new Span<float>(tile.Largest, Queries).Clear();
        new Span<float>(tile.LargestProduct, Queries).Clear();
        new Span<float>(tile.Others, Queries).Clear();
        new Span<float>(tile.OtherProducts, Queries).Clear();
    }

    /// <summary>Pass 1: hides what queries do not see and takes each query's largest product.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Maxima(int key, int count)
    {
        float* scores = _tile.Weights + (nint)key * Queries;
        FillHidden(scores, key, count, Hidden);
        for (int lane = 0; lane < Queries; lane += TSimd.Width)
        {
            TVector maxima = TSimd.Load(_tile.Maxima + lane);
            (nint start, nint end) = HiddenOf(lane, key, count);
            for (nint i = lane; i < start; i += Queries)
                maxima = TSimd.Max(maxima, TSimd.Load(scores + i));
            for (nint i = end; i < count * Queries; i += Queries)
                maxima = TSimd.Max(maxima, TSimd.Load(scores + i));
            TSimd.Store(_tile.Maxima + lane, maxima);
        }
    }

    /// <summary>
    /// Between the passes: products become scores. A sink counts as a key that holds nothing, so that its G is 0.
    /// </summary>
    public void Settle(float? sink)
    {
        TVector scale = TSimd.Broadcast(_scale);
        for (int lane = 0; lane < Queries; lane += TSimd.Width)
        {
            TVector maxima = TSimd.Multiply(TSimd.Load(_tile.Maxima + lane), scale);
            if (_cap > 0)
                maxima = TSimd.Multiply(TSimd.Broadcast(_cap), SimdMath<TSimd, TVector>.Tanh(TSimd.Multiply(maxima, TSimd.Broadcast(1 / _cap))));
            if (sink is float score)
            {
                maxima = TSimd.Max(maxima, TSimd.Broadcast(score));
                TSimd.Store(_tile.Largest + lane, SimdMath<TSimd, TVector>.Exp(TSimd.Subtract(TSimd.Broadcast(score), maxima)));
            }

            TSimd.Store(_tile.Maxima + lane, maxima);
        }
    }

    /// <summary>Pass 2: products become numerators e^(score − largest), summed along with e·G.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Numerators(int key, int count)
    {
        float* weights = _tile.Weights + (nint)key * Queries;
        float* gradients = _tile.Gradients + (nint)key * Queries;
        TVector scale = TSimd.Broadcast(_scale);
        for (int lane = 0; lane < Queries; lane += TSimd.Width)
        {
            TVector shift = TSimd.Subtract(TSimd.Zero, TSimd.Load(_tile.Maxima + lane));
            if (_cap > 0)
            {
                Cap(weights, key, lane, count, shift);
                continue;
            }

            for (nint i = lane; i < count * Queries; i += Queries)
            {
                TVector exponent = TSimd.MultiplyAdd(TSimd.Load(weights + i), scale, shift);
                TSimd.Store(weights + i, SimdMath<TSimd, TVector>.Exp(TSimd.Min(exponent, TSimd.Broadcast(MostAbove))));
            }
        }

        FillHidden(weights, key, count, 0f);
        for (int lane = 0; lane < Queries; lane += TSimd.Width)
        {
            (nint start, nint end) = HiddenOf(lane, key, count);
            Sum(weights, gradients, lane, start);
            if (start < end)
                Sum(weights, gradients, end, count * Queries);
        }
    }

    /// <summary>
    /// Pass 3: numerators become probabilities A, their gradients those of the products, A·(G − S) times the scale, and |E| is summed
    /// over the keys for each block of queries.
    /// </summary>
    /// <param name="key">The first key.</param>
    /// <param name="count">Keys.</param>
    /// <param name="block">Queries in a block, a multiple of the vectors' lanes.</param>
    /// <param name="sums">[64 / block]: takes the sums.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Influence(int key, int count, int block, double* sums)
    {
        float* weights = _tile.Weights + (nint)key * Queries;
        float* gradients = _tile.Gradients + (nint)key * Queries;
        new Span<double>(sums, Queries / block).Clear();
        for (int lane = 0; lane < Queries; lane += TSimd.Width)
        {
            (nint start, nint end) = HiddenOf(lane, key, count);
            TVector absolute = OfSeen(weights, gradients, lane, start);
            if (start < end)
                absolute = TSimd.Add(absolute, TSimd.Add(OfHidden(weights, gradients, start, end), OfSeen(weights, gradients, end, count * Queries)));
            for (nint i = lane; _cap > 0 && i < count * Queries; i += Queries)
                TSimd.Store(gradients + i, TSimd.Multiply(TSimd.Load(gradients + i), TSimd.Load(_tile.Slopes + (nint)key * Queries + i)));

            sums[lane / block] += TSimd.SumLanes(absolute);
        }
    }

    // The keys from one to another, of the queries of a vector; returns Σ |E|.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private TVector OfSeen(float* weights, float* gradients, nint first, nint end)
    {
        nint lane = first % Queries;
        TVector one = TSimd.Broadcast(1f), least = TSimd.Broadcast(1e-38f);
        TVector others = TSimd.Load(_tile.Others + lane), otherProducts = TSimd.Load(_tile.OtherProducts + lane);
        TVector sum = TSimd.Max(TSimd.Add(others, TSimd.Load(_tile.Largest + lane)), least);
        TVector products = TSimd.Add(otherProducts, TSimd.Load(_tile.LargestProduct + lane));
        TVector half = TSimd.Multiply(sum, TSimd.Broadcast(0.5f));
        TVector share = TSimd.Divide(one, sum);
        TVector scaledShare = TSimd.Multiply(share, TSimd.Broadcast(_scale));
        TVector absolute = TSimd.Zero;
        for (nint i = first; i < end; i += Queries)
        {
            TVector e = TSimd.Load(weights + i), g = TSimd.Load(gradients + i);
            TVector large = IsPositive(TSimd.Subtract(e, half)), small = TSimd.Subtract(one, large);
            TVector without = TSimd.MultiplyAdd(large, others, TSimd.Multiply(small, TSimd.Subtract(sum, e)));
            TVector productsWithout = TSimd.MultiplyAdd(
                large, otherProducts, TSimd.Multiply(small, TSimd.Subtract(products, TSimd.Multiply(e, g))));
            TVector mean = TSimd.Divide(productsWithout, TSimd.Max(without, least));
            TVector a = TSimd.Multiply(e, share);
            TVector influence = TSimd.Multiply(a, TSimd.Subtract(g, mean));
            absolute = TSimd.Add(absolute, TSimd.Abs(influence));
            TSimd.Store(weights + i, a);
            // A·(G − S) = E·(1 − A): no cancellation here either.
            TSimd.Store(gradients + i, TSimd.Multiply(influence, TSimd.Multiply(without, scaledShare)));
        }

        return absolute;
    }

    // The same of keys that the plan hides: they have no part in the output, so that nothing flows back.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private TVector OfHidden(float* weights, float* gradients, nint first, nint end)
    {
        nint lane = first % Queries;
        TVector sum = TSimd.Max(TSimd.Add(TSimd.Load(_tile.Others + lane), TSimd.Load(_tile.Largest + lane)), TSimd.Broadcast(1e-38f));
        TVector products = TSimd.Add(TSimd.Load(_tile.OtherProducts + lane), TSimd.Load(_tile.LargestProduct + lane));
        TVector mean = TSimd.Divide(products, sum);
        TVector absolute = TSimd.Zero;
        for (nint i = first; i < end; i += Queries)
        {
            TVector e = TSimd.Load(weights + i);
            TVector influence = TSimd.Multiply(TSimd.Divide(e, TSimd.Add(sum, e)), TSimd.Subtract(TSimd.Load(gradients + i), mean));
            absolute = TSimd.Add(absolute, TSimd.Abs(influence));
            TSimd.Store(weights + i, TSimd.Zero);
            TSimd.Store(gradients + i, TSimd.Zero);
        }

        return absolute;
    }

    // Of a chunk's keys those that a plan hides from the queries of a vector, as offsets from the chunk's first row: query block B sees
    // blocks from B − ring/b + 1 on, and the sink, which is one block. Blocks have no fewer queries than a vector. Of none both are the end.
    private (nint Start, nint End) HiddenOf(int lane, int key, int count)
    {
        long first = ((_firstQuery + lane) / _planBlock + 1L) * _planBlock - _ring;
        nint start = Math.Clamp(_planBlock - key, 0, count), end = (nint)Math.Clamp(first - key, start, count);
        return end == start ? (count * Queries + lane, count * Queries + lane) : (start * Queries + lane, end * Queries + lane);
    }

    // Of s = c·tanh(x·scale/c) the slope is 1 − tanh², beside the scale.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Cap(float* weights, int key, int lane, int count, TVector shift)
    {
        float* slopes = _tile.Slopes + (nint)key * Queries;
        TVector inner = TSimd.Broadcast(_scale / _cap), cap = TSimd.Broadcast(_cap), one = TSimd.Broadcast(1f);
        for (nint i = lane; i < count * Queries; i += Queries)
        {
            TVector tanh = SimdMath<TSimd, TVector>.Tanh(TSimd.Multiply(TSimd.Load(weights + i), inner));
            TSimd.Store(slopes + i, TSimd.Multiply(TSimd.Subtract(one, tanh), TSimd.Add(one, tanh)));
            TVector exponent = TSimd.MultiplyAdd(tanh, cap, shift);
            TSimd.Store(weights + i, SimdMath<TSimd, TVector>.Exp(TSimd.Min(exponent, TSimd.Broadcast(MostAbove))));
        }
    }

    // The lanes of a vector are queries; keys follow each other. Which of two keys has the larger e is decided by
    // arithmetic (won is 0 or 1), since the vector operations know no comparison.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Sum(float* weights, float* gradients, nint first, nint end)
    {
        nint lane = first % Queries;
        TVector largest = TSimd.Load(_tile.Largest + lane), largestProduct = TSimd.Load(_tile.LargestProduct + lane);
        TVector others = TSimd.Zero, otherProducts = TSimd.Zero, one = TSimd.Broadcast(1f);
        for (nint i = first; i < end; i += Queries)
        {
            TVector e = TSimd.Load(weights + i);
            TVector product = TSimd.Multiply(e, TSimd.Load(gradients + i));
            TVector won = IsPositive(TSimd.Subtract(e, largest)), lost = TSimd.Subtract(one, won);
            others = TSimd.Add(others, TSimd.Min(e, largest));
            otherProducts = TSimd.MultiplyAdd(won, largestProduct, TSimd.MultiplyAdd(lost, product, otherProducts));
            largestProduct = TSimd.MultiplyAdd(won, product, TSimd.Multiply(lost, largestProduct));
            largest = TSimd.Max(largest, e);
        }

        TSimd.Store(_tile.Largest + lane, largest);
        TSimd.Store(_tile.LargestProduct + lane, largestProduct);
        TSimd.Store(_tile.Others + lane, TSimd.Add(TSimd.Load(_tile.Others + lane), others));
        TSimd.Store(_tile.OtherProducts + lane, TSimd.Add(TSimd.Load(_tile.OtherProducts + lane), otherProducts));
    }

    // 1 where x > 0, else 0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector IsPositive(TVector x) =>
        TSimd.Min(TSimd.Max(TSimd.Multiply(x, TSimd.Broadcast(Steep)), TSimd.Zero), TSimd.Broadcast(1f));

    // Query i sees key j if j ≤ i and j > i − window: of a key's row of 64 queries a prefix and a suffix may not.
    private void FillHidden(float* rows, int key, int count, float value)
    {
        for (int i = 0; i < count; i++)
        {
            long offset = (long)key + i - _firstQuery;
            int first = (int)Math.Clamp(offset, 0, Queries);
            int end = (int)Math.Clamp(offset + _window, 0, Queries);
            if (first > 0)
                new Span<float>(rows + (nint)i * Queries, first).Fill(value);
            if (end < Queries)
                new Span<float>(rows + (nint)i * Queries + end, Queries - end).Fill(value);
        }
    }
}
