using MoA.Engine.Attention.Scoring;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>The sums behind <see cref="ExpectedAttentionScorer"/>.</summary>
internal static unsafe class ExpectedAttention<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int Block = 64;

    /// <summary>Adds a piece's queries to the statistics of their group, turned back to what they were before RoPE.</summary>
    /// <param name="statistics">The statistics.</param>
    /// <param name="firstTokens">The first tokens of the text, whose queries do not count.</param>
    /// <param name="turn">How the layer turns.</param>
    /// <param name="position">Position of the first query.</param>
    /// <param name="queries">[rows, heads·size], those of the group first.</param>
    /// <param name="stride">Floats from row to row.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="shape">The layer's shapes.</param>
    /// <param name="scratch">Memory of the workers.</param>
    /// <param name="worker">Which of them runs this.</param>
    public static void Add(
        QueryStatistics statistics, int firstTokens, HeadTurn turn, int position, float* queries, nint stride, int rows, in AttentionInputs shape, WorkerScratch scratch,
        int worker)
    {
        int left = Math.Clamp(firstTokens - position, 0, rows);
        queries += left * stride;
        (position, rows) = (position + left, rows - left);
        int size = shape.HeadSize;
        float* turned = scratch.Floats(worker, (long)Block * size + size + 2L * Block * turn.Pairs);
        float* mean = turned + Block * size, angles = mean + size;
        for (int row = 0; row < rows; row += Block)
        {
            int count = Math.Min(Block, rows - row);
            FillAngles(turn, position + row, count, angles);
            for (int head = 0; head < shape.Group; head++)
            {
                for (int i = 0; i < count; i++)
                    TurnBack(turn, queries + (row + i) * stride + (nint)head * size, angles + 2 * i * turn.Pairs, turned + i * size, size);
                Merge(statistics, head, turned, mean, count, size);
            }

            statistics.Counted(count);
        }
    }

    /// <summary>Scores the rows of a head by the attention that the next positions' queries are expected to give.</summary>
    /// <param name="cache">The rows.</param>
    /// <param name="scorer">How.</param>
    /// <param name="statistics">The prompt's queries.</param>
    /// <param name="turn">How the layer turns.</param>
    /// <param name="position">The first position to come.</param>
    /// <param name="shape">The layer's shapes.</param>
    /// <param name="scratch">Memory of the workers.</param>
    /// <param name="worker">Which of them runs this.</param>
    public static void Score(
        HeadCache cache, ExpectedAttentionScorer scorer, QueryStatistics statistics, HeadTurn turn, int position, in AttentionInputs shape,
        WorkerScratch scratch, int worker)
    {
        HeldTokens tokens = cache.Tokens!;
        Span<float> scores = tokens.Scores;
        scores.Clear();
        int size = shape.HeadSize, first = 0;
        while (first < tokens.Count && tokens.Positions[first] < scorer.FirstTokens)
            first++;
        int count = tokens.Count - first;
        if (count == 0)
            return;
        (double Sin, double Cos)[] turns = [.. Enumerable.Range(0, turn.Pairs).Select(pair => turn.Mean(pair, position, scorer.Future))];
        float* row = scratch.Floats(worker, (long)size * (size + 3) + count);
        float* mean = row + size, product = mean + size, spread = product + size, logits = spread + size * size;
        float scale = shape.Traits.ScaleOf(size);
        for (int head = 0; head < shape.Group; head++)
        {
            Expect(statistics, head, turn, turns, mean, spread, size, 0.5 * scale * scale, scorer.Covariance);
            OnlineSoftmax<TSimd, TVector>.Scale(mean, size, scale);
            float largest = float.NegativeInfinity;
            for (int i = 0; i < count; i++)
            {
                NumberFormat<TSimd, TVector>.Widen(cache.Type, cache.Keys + (nint)(first + i) * cache.BytesPerRow, row, size);
                float logit = Dot.Run<TSimd, TVector>(mean, row, size);
                if (scorer.Covariance)
                {
                    for (int d = 0; d < size; d++)
                        product[d] = Dot.Run<TSimd, TVector>(spread + (nint)d * size, row, size);
                    logit += Dot.Run<TSimd, TVector>(product, row, size);
                }

                logits[i] = logit;
                largest = MathF.Max(largest, logit);
            }

            double sum = 0;
            for (int i = 0; i < count; i++)
                sum += logits[i] = MathF.Exp(logits[i] - largest);
            for (int i = 0; i < count; i++)
                scores[first + i] += (float)(logits[i] / (sum * shape.Group));
        }

        if (!scorer.ValueNorm)
            return;
        for (int i = first; i < tokens.Count; i++)
        {
            NumberFormat<TSimd, TVector>.Widen(cache.Type, cache.Values + (nint)i * cache.BytesPerRow, row, size);
            scores[i] = (scores[i] + (float)scorer.Epsilon) * MathF.Sqrt(Dot.Run<TSimd, TVector>(row, row, size));
        }
    }

    // For each row the cosines of all pairs, then the sines.
    private static void FillAngles(HeadTurn turn, int position, int rows, float* angles)
    {
        for (int row = 0; row < rows; row++, angles += 2 * turn.Pairs)
        {
            for (int pair = 0; pair < turn.Pairs; pair++)
            {
                (double sine, double cosine) = turn.At(pair, position + row);
                angles[pair] = (float)(cosine / turn.Factor);
                angles[turn.Pairs + pair] = (float)(sine / turn.Factor);
            }
        }
    }

    private static void TurnBack(HeadTurn turn, float* query, float* angles, float* to, int size)
    {
        Buffer.MemoryCopy(query, to, size * 4L, size * 4L);
        for (int pair = 0; pair < turn.Pairs; pair++)
        {
            (int first, int second) = turn.Components(pair);
            (float x, float y, float cosine, float sine) = (query[first], query[second], angles[pair], angles[turn.Pairs + pair]);
            to[first] = x * cosine + y * sine;
            to[second] = y * cosine - x * sine;
        }
    }

    // The statistics of two sets of queries from those of each (Chan, Golub and LeVeque): nothing large cancels.
    private static void Merge(QueryStatistics statistics, int head, float* rows, float* mean, int count, int size)
    {
        new Span<float>(mean, size).Clear();
        for (int row = 0; row < count; row++)
            OnlineSoftmax<TSimd, TVector>.AddScaled(rows + row * size, mean, size, 1f / count);
        float* known = statistics.Mean(head), spread = statistics.Spread(head);
        for (int row = 0; row < count; row++)
        {
            float* deviation = rows + row * size;
            OnlineSoftmax<TSimd, TVector>.AddScaled(mean, deviation, size, -1);
            AddSquare(deviation, 1, spread, size);
        }

        float share = (float)count / (statistics.Count + count);
        OnlineSoftmax<TSimd, TVector>.AddScaled(known, mean, size, -1);
        AddSquare(mean, statistics.Count * share, spread, size);
        OnlineSoftmax<TSimd, TVector>.AddScaled(mean, known, size, share);
    }

    private static void AddSquare(float* x, float factor, float* to, int size)
    {
        for (int d = 0; d < size; d++)
            OnlineSoftmax<TSimd, TVector>.AddScaled(x, to + (nint)d * size, size, factor * x[d]);
    }

    // The mean and the covariance of queries to come, the latter times a factor.
    private static void Expect(
        QueryStatistics statistics, int head, HeadTurn turn, (double Sin, double Cos)[] turns, float* mean, float* spread, int size, double factor,
        bool covariance)
    {
        Buffer.MemoryCopy(statistics.Mean(head), mean, size * 4L, size * 4L);
        Turn(turn, turns, mean, 1);
        if (!covariance)
            return;
        OnlineSoftmax<TSimd, TVector>.Scale(
            statistics.Spread(head), spread, size * size, (float)(factor / Math.Max(1, statistics.Count)));
        for (int d = 0; d < size; d++)
            Turn(turn, turns, spread + (nint)d * size, 1);
        for (int d = 0; d < size; d++)
            Turn(turn, turns, spread + d, size);
    }

    private static void Turn(HeadTurn turn, (double Sin, double Cos)[] turns, float* x, nint step)
    {
        for (int pair = 0; pair < turns.Length; pair++)
        {
            (int first, int second) = turn.Components(pair);
            (double sine, double cosine) = turns[pair];
            (double a, double b) = (x[first * step], x[second * step]);
            x[first * step] = (float)(a * cosine - b * sine);
            x[second * step] = (float)(b * cosine + a * sine);
        }
    }
}
