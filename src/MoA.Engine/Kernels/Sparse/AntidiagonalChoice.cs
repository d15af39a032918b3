using System.Buffers;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Prefill;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Sparse;

/// <summary>
/// Chooses blocks by sums over strided antidiagonals (<see cref="AntidiagonalPattern"/>). A group of `stride` queries, the last first, is one long query, a
/// group of keys one long key: their product adds up an antidiagonal.
/// </summary>
internal static unsafe class AntidiagonalChoice
{
    // Keys that are widened at a time.
    private const int TileKeys = 128;

    /// <summary>Chooses for a piece.</summary>
    public static void Run<TSimd, TVector>(
        in PieceQueries<TSimd, TVector> piece, AntidiagonalPattern pattern, KeyRanges ranges, WorkerScratch scratch, int worker)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        int block = pattern.Block, keys = piece.End, blocks = CoverageChoice.BlocksOf(keys, block), firstRow = piece.Start / block, rows = blocks - firstRow;
        float[] sums = ArrayPool<float>.Shared.Rent(rows * blocks);
        bool[] kept = ArrayPool<bool>.Shared.Rent(rows * blocks);
        Span<float> attention = sums.AsSpan(0, rows * blocks);
        Estimate(piece, pattern, blocks, attention, scratch, worker);
        BlockMask mask = new(kept, piece.Start, keys, block);
        Choose(attention, pattern.Threshold, mask);
        mask.LayOut(ranges);
        ArrayPool<bool>.Shared.Return(kept);
        ArrayPool<float>.Shared.Return(sums);
    }

    /// <summary>
    /// Keeps for each block of queries the first block of keys and its own, and others in descending order of their sums until they have a share of all.
    /// </summary>
    /// <param name="attention">[rows, blocks].</param>
    /// <param name="threshold">The share.</param>
    /// <param name="mask">Takes the blocks.</param>
    public static void Choose(ReadOnlySpan<float> attention, double threshold, in BlockMask mask)
    {
        float[] values = ArrayPool<float>.Shared.Rent(mask.End);
        int[] places = ArrayPool<int>.Shared.Rent(mask.End);
        for (int row = mask.FirstRow; row < mask.End; row++)
        {
            ReadOnlySpan<float> sums = attention.Slice((row - mask.FirstRow) * mask.End, row + 1);
            double total = 0, sum = row == 0 ? sums[0] : (double)sums[0] + sums[row];
            for (int column = 0; column <= row; column++)
            {
                total += sums[column];
                (values[column], places[column]) = (-sums[column], column);
            }

            mask.Keep(row, 0);
            mask.Keep(row, row);
            if (row < 2)
                continue;
            // Between the first block and its own.
            values.AsSpan(1, row - 1).Sort(places.AsSpan(1, row - 1));
            for (int i = 1; i < row && sum < threshold * total; i++)
            {
                mask.Keep(row, places[i]);
                sum -= values[i];
            }
        }

        ArrayPool<float>.Shared.Return(values);
        ArrayPool<int>.Shared.Return(places);
    }

    // The softmax over groups of keys, added up by blocks.
    private static void Estimate<TSimd, TVector>(
        in PieceQueries<TSimd, TVector> piece, AntidiagonalPattern pattern, int blocks, Span<float> attention, WorkerScratch scratch, int worker)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        int stride = pattern.Stride, size = piece.Inputs.HeadSize, wide = stride * size, lanes = PrefillPanel<TSimd, TVector, TwoVectors>.Queries;
        int groups = (piece.End + stride - 1) / stride, firstGroup = piece.Start / stride, slack = PrefillPanel<TSimd, TVector, TwoVectors>.Slack;
        float* tile = scratch.Floats(worker, (long)TileKeys * size + (long)wide * lanes + 3L * lanes + (long)(groups + slack) * lanes);
        float* queries = tile + TileKeys * size, maxima = queries + (nint)wide * lanes, sums = maxima + lanes, corrections = sums + lanes, weights = corrections + lanes;
        attention.Clear();
        for (int first = firstGroup; first < groups; first += lanes)
        {
            int count = Math.Min(lanes, groups - first);
            Gather(piece, stride, first, count, queries);
            Score(piece, stride, first + count, groups, tile, queries, weights);
            for (int group = groups - 1; group > first; group--)
                new Span<float>(weights + (nint)group * lanes, Math.Min(count, group - first)).Fill(float.NegativeInfinity);
            new Span<float>(maxima, lanes).Fill(OnlineSoftmax<TSimd, TVector>.Lowest);
            new Span<float>(sums, lanes).Clear();
            PrefillPanel<TSimd, TVector, TwoVectors>.Softmax(weights, groups, maxima, sums, corrections);
            for (int column = 0, perBlock = pattern.Block / stride; column < blocks; column++)
            {
                AddUp(weights + (nint)column * perBlock * lanes, Math.Min(perBlock, groups - column * perBlock), corrections);
                for (int lane = 0; lane < count; lane++)
                    attention[((first + lane) / perBlock - piece.Start / pattern.Block) * blocks + column] += corrections[lane] / sums[lane];
            }
        }

        void AddUp(float* from, int count, float* to)
        {
            for (int lane = 0; lane < lanes; lane += TSimd.Width)
            {
                TVector sum = TSimd.Zero;
                for (int group = 0; group < count; group++)
                    sum = TSimd.Add(sum, TSimd.Load(from + group * lanes + lane));
                TSimd.Store(to + lane, sum);
            }
        }
    }

    // Long queries in lanes, scaled; zeros stand for queries that are not of the piece.
    private static void Gather<TSimd, TVector>(in PieceQueries<TSimd, TVector> piece, int stride, int firstGroup, int groups, float* queries)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        int size = piece.Inputs.HeadSize, lanes = PrefillPanel<TSimd, TVector, TwoVectors>.Queries;
        float scale = piece.Scale / stride * OnlineSoftmax<TSimd, TVector>.Log2E;
        new Span<float>(queries, stride * size * lanes).Clear();
        for (int part = 0; part < stride; part++)
        {
            // The group's query at this place, from its end.
            int offset = stride - 1 - part, first = firstGroup, end = firstGroup + groups;
            while (first < end && first * stride + offset < piece.Start)
                first++;
            while (first < end && (end - 1) * stride + offset >= piece.End)
                end--;
            if (first < end)
            {
                Transposition.Run(
                    piece.Query(first * stride + offset), stride * piece.Stride, queries + (nint)part * size * lanes + (first - firstGroup), lanes, end - first, size, scale);
            }
        }
    }

    // Products of the long queries with the groups of keys before `end` that may be seen, −∞ with the others; a group that ends behind the keys is filled
    // up with zeros.
    private static void Score<TSimd, TVector>(
        in PieceQueries<TSimd, TVector> piece, int stride, int end, int allGroups, float* tile, float* queries, float* weights)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        int size = piece.Inputs.HeadSize, lanes = PrefillPanel<TSimd, TVector, TwoVectors>.Queries, last = Math.Min(piece.End, end * stride), done = 0;
        for (KeyRange next = piece.NextKeys(0); next.First < Math.Min(next.End, last);)
        {
            int first = next.First / stride * stride, to = next.End;
            while (to - first < TileKeys && piece.NextKeys(to) is { } more && more.First == to && more.First < more.End && more.End - first <= TileKeys)
                to = more.End;
            int groups = (to - first + stride - 1) / stride;
            Hide(done, first / stride);
            new Span<float>(tile, TileKeys * size).Clear();
            piece.Keys.Read(next.First, to - next.First, tile + (next.First - first) * size, null, size);
            PrefillPanel<TSimd, TVector, TwoVectors>.Score(tile, stride * size, groups, stride * size, queries, weights + (nint)(first / stride) * lanes);
            done = first / stride + groups;
            next = piece.NextKeys(to);
        }

        Hide(done, allGroups);

        void Hide(int from, int to)
        {
            if (from < to)
                new Span<float>(weights + (nint)from * lanes, (to - from) * lanes).Fill(float.NegativeInfinity);
        }
    }
}
