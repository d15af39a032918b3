using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Sums the attention that a head's rows get from some queries: what policies choose rows by. Attention itself never makes
/// its weights whole, so they are computed anew.
/// </summary>
internal static unsafe class AttentionReceived<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int Block = 64;

    // Rows a power of two apart would share few lines of the first cache.
    private const int Skew = 16;

    /// <summary>
    /// received[j] += Σ over queries of softmax(score of query and key_j) over the rows that the query counts: those up to its own,
    /// no more than <paramref name="window"/> of them.
    /// </summary>
    /// <param name="cache">The rows; as many are read as <paramref name="received"/> has.</param>
    /// <param name="firstHead">The first of the query heads that read them.</param>
    /// <param name="queries">[rows, heads·size]: their queries of the last <paramref name="rows"/> rows.</param>
    /// <param name="stride">Floats from row to row of the queries.</param>
    /// <param name="rows">Queries of each head.</param>
    /// <param name="shape">The layer's shapes.</param>
    /// <param name="scratch">Memory of the workers.</param>
    /// <param name="worker">Which of them runs this.</param>
    /// <param name="received">The sums, one for each row.</param>
    /// <param name="window">Rows that a query counts at most, its own included.</param>
    public static void Add(
        HeadCache cache, int firstHead, float* queries, nint stride, int rows, in AttentionInputs shape, WorkerScratch scratch, int worker,
        Span<float> received, int window = int.MaxValue)
    {
        if (rows == 1)
        {
            int oldest = Math.Max(0, received.Length - window);
            AddOne(cache, oldest, firstHead, queries, shape, scratch, worker, received[oldest..]);
            return;
        }

        int first = received.Length - rows, panelRows = PrefillPanel<TSimd, TVector, TwoVectors>.Queries;
        for (int head = 0; head < shape.Group; head++)
        {
            for (int row = 0; row < rows; row += panelRows)
            {
                int count = Math.Min(panelRows, rows - row), oldest = Math.Max(0, first + row + 1 - window);
                AddPanel(
                    cache, oldest, firstHead + head, queries + row * stride + (nint)head * shape.HeadSize, stride, count, shape, scratch, worker,
                    received[oldest..(first + row + count)], window);
            }
        }
    }

    /// <summary>
    /// received[j] += Σ over queries of softmax(score of query and key_j) over the rows up to the query's own; near[j] += those of queries to which row j's token is recent.
    /// </summary>
    /// <param name="cache">The rows, noted by position; as many are read as <paramref name="received"/> has.</param>
    /// <param name="firstHead">The first of the query heads that read them.</param>
    /// <param name="queries">[rows, heads·size]: their queries of the last <paramref name="rows"/> rows.</param>
    /// <param name="stride">Floats from row to row of the queries.</param>
    /// <param name="rows">Queries of each head.</param>
    /// <param name="shape">The layer's shapes.</param>
    /// <param name="scratch">Memory of the workers.</param>
    /// <param name="worker">Which of them runs this.</param>
    /// <param name="received">The sums, one for each row.</param>
    /// <param name="near">The sums of recent tokens.</param>
    /// <param name="recentTokens">Tokens that are recent to a query, its own included.</param>
    public static void AddNear(
        HeadCache cache, int firstHead, float* queries, nint stride, int rows, in AttentionInputs shape, WorkerScratch scratch, int worker,
        Span<float> received, Span<float> near, int recentTokens)
    {
        ReadOnlySpan<int> positions = cache.Tokens!.Positions;
        int first = received.Length - rows, panelRows = PrefillPanel<TSimd, TVector, TwoVectors>.Queries;
        for (int head = 0; head < shape.Group; head++)
        {
            for (int row = 0; row < rows; row += panelRows)
            {
                int count = Math.Min(panelRows, rows - row), keys = first + row + count;
                float* weights = Weigh(
                    cache, new KeyRows(0, 0, int.MaxValue, 0), firstHead + head, queries + row * stride + (nint)head * shape.HeadSize, stride, count, keys, shape,
                    scratch, worker, int.MaxValue, out float* shares);
                for (int key = 0; key < keys; key++, weights += panelRows)
                {
                    float sum = 0, sumNear = 0;
                    for (int lane = 0; lane < count; lane++)
                    {
                        float weight = weights[lane] * shares[lane];
                        sum += weight;
                        sumNear += positions[first + row + lane] - positions[key] < recentTokens ? weight : 0;
                    }

                    received[key] += sum;
                    near[key] += sumNear;
                }
            }
        }
    }

    /// <summary>
    /// The most that rows of a part of the text get from any query of the group while the text is repeated: a query counts the first tokens, the part, and
    /// what was repeated up to itself.
    /// </summary>
    /// <param name="cache">The rows, those of the original and what is repeated.</param>
    /// <param name="original">What the caches held before; takes the scores.</param>
    /// <param name="part">The part.</param>
    /// <param name="firstHead">The first of the query heads that read them.</param>
    /// <param name="queries">[rows, heads·size]: their queries of the last <paramref name="rows"/> rows.</param>
    /// <param name="stride">Floats from row to row of the queries.</param>
    /// <param name="rows">Queries of each head.</param>
    /// <param name="shape">The layer's shapes.</param>
    /// <param name="scratch">Memory of the workers.</param>
    /// <param name="worker">Which of them runs this.</param>
    public static void Repeat(
        HeadCache cache, HeldTokens original, RepeatedPart part, int firstHead, float* queries, nint stride, int rows, in AttentionInputs shape,
        WorkerScratch scratch, int worker)
    {
        int start = original.Count - (part.Sequence.Length - part.Start), panelRows = PrefillPanel<TSimd, TVector, TwoVectors>.Queries;
        KeyRows keys = new(part.SinkTokens, start, part.Tokens, original.Count);
        int before = part.SinkTokens + part.Tokens + cache.Tokens!.Count - original.Count - rows;
        Span<float> scores = original.Scores.Slice(start, part.Tokens);
        for (int head = 0; head < shape.Group; head++)
        {
            for (int row = 0; row < rows; row += panelRows)
            {
                int count = Math.Min(panelRows, rows - row);
                float* weights = Weigh(
                    cache, keys, firstHead + head, queries + row * stride + (nint)head * shape.HeadSize, stride, count, before + row + count, shape, scratch, worker,
                    int.MaxValue, out float* shares) + (nint)part.SinkTokens * panelRows;
                for (int key = 0; key < scores.Length; key++, weights += panelRows)
                {
                    for (int lane = 0; lane < count; lane++)
                        scores[key] = MathF.Max(scores[key], weights[lane] * shares[lane]);
                }
            }
        }
    }

    // A panel of consecutive queries of one head, one in each lane, over the rows from `oldest` on.
    private static void AddPanel(
        HeadCache cache, int oldest, int queryHead, float* queries, nint stride, int rows, in AttentionInputs shape, WorkerScratch scratch,
        int worker, Span<float> received, int window)
    {
        float* weights = Weigh(
            cache, new KeyRows(0, oldest, int.MaxValue, 0), queryHead, queries, stride, rows, received.Length, shape, scratch, worker, window, out float* shares);
        TVector lower = TSimd.Load(shares), upper = TSimd.Load(shares + TSimd.Width);
        for (int key = 0; key < received.Length; key++, weights += PrefillPanel<TSimd, TVector, TwoVectors>.Queries)
        {
            TVector sum = TSimd.Multiply(TSimd.Load(weights), lower);
            received[key] += TSimd.SumLanes(TSimd.MultiplyAdd(TSimd.Load(weights + TSimd.Width), upper, sum));
        }
    }

    // The weights of a panel's queries over keys, [keys, lanes], the last of which are the queries' own; times a lane's share they add up to 1.
    private static float* Weigh(
        HeadCache cache, in KeyRows order, int queryHead, float* queries, nint stride, int rows, int keys, in AttentionInputs shape, WorkerScratch scratch,
        int worker, int window, out float* shares)
    {
        int size = shape.HeadSize, lanes = PrefillPanel<TSimd, TVector, TwoVectors>.Queries;
        nint pitch = (size + 15) / 16 * 16 + Skew;
        int state = Math.Max(16, lanes);
        float* tile = scratch.Floats(
            worker, Block * pitch + (long)size * lanes + 3 * state + (long)(keys + PrefillPanel<TSimd, TVector, TwoVectors>.Slack) * lanes + 32);
        float* panel = tile + Block * pitch, maxima = panel + size * lanes, sums = maxima + state, corrections = sums + state;
        float* scores = corrections + state;
        new Span<float>(panel, size * lanes).Clear();
        Transposition.Run(queries, stride, panel, lanes, rows, size, shape.QueryFactor);
        for (int key = 0; key < keys; key += Block)
        {
            int count = Math.Min(Block, keys - key);
            for (int i = 0; i < count; i++)
                Widen(cache, order.RowOf(key + i), 1, size, tile + i * pitch, pitch);
            PrefillPanel<TSimd, TVector, TwoVectors>.Score(tile, pitch, count, size, panel, scores + (nint)key * lanes);
        }

        if (shape.CapFactor > 0)
            OnlineSoftmax<TSimd, TVector>.Cap(scores, keys * lanes, shape.CapFactor);
        // Lane i is the query of key keys − rows + i: it sees no later ones, and none that left its window.
        for (int i = 1; i < rows; i++)
        {
            new Span<float>(scores + (nint)(keys - rows + i) * lanes, i).Fill(float.NegativeInfinity);
            for (int key = 0; key <= keys - rows + i - (long)window; key++)
                scores[(nint)key * lanes + i] = float.NegativeInfinity;
        }

        (float maximum, float sumOfNone) = shape.StartOf(queryHead);
        new Span<float>(maxima, lanes).Fill(maximum);
        new Span<float>(sums, lanes).Fill(sumOfNone);
        PrefillPanel<TSimd, TVector, TwoVectors>.Softmax(scores, keys, maxima, sums, corrections);
        for (int lane = 0; lane < lanes; lane++)
            sums[lane] = lane < rows ? 1 / sums[lane] : 0;
        shares = sums;
        return scores;
    }

    // One query of every head: the rows are widened once for all of them.
    private static void AddOne(
        HeadCache cache, int oldest, int firstHead, float* queries, in AttentionInputs shape, WorkerScratch scratch, int worker, Span<float> received)
    {
        int size = shape.HeadSize, group = shape.Group, keys = received.Length;
        nint pitch = keys + 32; // the softmax fills up its last vector
        float* tile = scratch.Floats(worker, Block * size + (long)group * size + group * pitch);
        float* scaled = tile + Block * size, scores = scaled + group * size;
        OnlineSoftmax<TSimd, TVector>.Scale(
            queries, scaled, group * size, shape.QueryFactor);
        for (int key = 0; key < keys; key += Block)
        {
            int count = Math.Min(Block, keys - key);
            Widen(cache, oldest + key, count, size, tile, size);
            for (int head = 0; head < group; head++)
            {
                float* to = scores + head * pitch + key;
                for (int row = 0; row < count; row++)
                    to[row] = Dot.Run<TSimd, TVector>(scaled + head * size, tile + row * size, size);
            }
        }

        for (int head = 0; head < group; head++)
        {
            float* weights = scores + head * pitch;
            (float maximum, float sum) = shape.StartOf(firstHead + head);
            if (shape.CapFactor > 0)
                OnlineSoftmax<TSimd, TVector>.Cap(weights, keys, shape.CapFactor);
            OnlineSoftmax<TSimd, TVector>.Update(weights, keys, ref maximum, ref sum);
            fixed (float* to = received)
                OnlineSoftmax<TSimd, TVector>.AddScaled(weights, to, keys, 1 / sum);
        }
    }

    private static void Widen(HeadCache cache, int row, int count, int size, float* to, nint pitch)
    {
        byte* from = cache.Keys + (nint)row * cache.BytesPerRow;
        for (int i = 0; i < count; i++, from += cache.BytesPerRow, to += pitch)
            NumberFormat<TSimd, TVector>.Widen(cache.Type, from, to, size);
    }

    /// <summary>Which rows keys stand in: some at the start, a part, and all from a row on.</summary>
    private readonly record struct KeyRows(int First, int Part, int PartRows, int Rest)
    {
        public int RowOf(int key) => key < First ? key : key - First < PartRows ? Part + key - First : Rest + key - First - PartRows;
    }
}
