using System.Buffers;
using System.Numerics.Tensors;
using MoA.Engine.Attention.Prefill;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Sparse;

/// <summary>Chooses blocks until they cover a share of the attention (<see cref="CoveragePattern"/>).</summary>
internal static class CoverageChoice
{
    // What a count of tokens is divided by in the official code, whatever the size of a block.
    private const int TokensPerBlock = 128;

    /// <summary>Chooses for a piece.</summary>
    public static void Run<TSimd, TVector>(
        in PieceQueries<TSimd, TVector> piece, CoveragePattern pattern, KeyRanges ranges, WorkerScratch scratch, int worker)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        int block = pattern.Block, size = piece.Inputs.HeadSize, keys = piece.End;
        if (keys <= Math.Max(2 * block, BlocksOf(pattern.LeastTokens, block) * block))
        {
            while (ranges.Rows.First < ranges.Rows.End)
            {
                ranges.AddAll();
                ranges.EndBlock();
            }

            return;
        }

        int blocks = BlocksOf(keys, block), firstRow = piece.Start / block, rows = blocks - firstRow, voters = Math.Min(block, piece.Rows);
        float[] rented = ArrayPool<float>.Shared.Rent(2 * keys + blocks * size + size + blocks + rows * blocks);
        Span<float> columns = rented.AsSpan(0, keys), diagonals = rented.AsSpan(keys, keys), means = rented.AsSpan(2 * keys, blocks * size);
        Span<float> query = rented.AsSpan(2 * keys + blocks * size, size), expected = rented.AsSpan(2 * keys + (blocks + 1) * size, blocks);
        Span<float> attention = rented.AsSpan(2 * keys + (blocks + 1) * size + blocks, rows * blocks);
        bool[] kept = ArrayPool<bool>.Shared.Rent(BlockMask.SizeOf(piece.Start, keys, block));
        BlockMask mask = new(kept, piece.Start, keys, block);

        VoterWeights<TSimd, TVector>.Add(piece, voters, columns, diagonals, scratch, worker);
        TensorPrimitives.Multiply(columns, 1f / voters, columns);
        TensorPrimitives.Multiply(diagonals, 1f / voters, diagonals);
        BlockMeans<TSimd, TVector>.AddKeys(piece, block, means, scratch, worker);
        for (int i = 0; i < blocks; i++)
            TensorPrimitives.Multiply(means.Slice(i * size, size), 1f / (Math.Min(keys, (i + 1) * block) - i * block), means.Slice(i * size, size));
        BlockMeans<TSimd, TVector>.AddQueries(piece, keys - voters, keys, query);
        Attend(piece, query, piece.Scale / voters, means, block, blocks, expected);
        bool byMeans = Distance(expected, columns, block) < pattern.Tau;
        Cover(columns, diagonals, pattern, byMeans, mask);
        if (byMeans)
        {
            attention.Clear();
            for (int row = 0; row < rows; row++)
            {
                int first = Math.Max(piece.Start, (firstRow + row) * block), end = Math.Min(keys, (firstRow + row + 1) * block);
                BlockMeans<TSimd, TVector>.AddQueries(piece, first, end, query);
                Attend(piece, query, piece.Scale / (end - first), means, block, firstRow + row + 1, attention.Slice(row * blocks, blocks));
            }

            KeepLargest(attention, (float)(pattern.Gamma * rows), mask);
        }

        mask.LayOut(ranges);
        ArrayPool<bool>.Shared.Return(kept);
        ArrayPool<float>.Shared.Return(rented);
    }

    /// <summary>Blocks that hold so many tokens.</summary>
    public static int BlocksOf(int tokens, int block) => (int)(((long)tokens + block - 1) / block);

    /// <summary>
    /// Keeps the columns and the diagonals of blocks that get most attention, as many as single keys and distances say that it takes; the first column
    /// and the nearest diagonal in any case.
    /// </summary>
    /// <param name="columns">The share of attention that each key gets.</param>
    /// <param name="diagonals">The share that keys at each distance get.</param>
    /// <param name="pattern">How much is covered.</param>
    /// <param name="least">Whether no more than the least is kept.</param>
    /// <param name="mask">Takes the blocks.</param>
    public static void Cover(ReadOnlySpan<float> columns, ReadOnlySpan<float> diagonals, CoveragePattern pattern, bool least, in BlockMask mask)
    {
        int blocks = mask.End, keys = columns.Length, block = pattern.Block;
        int fewest = BlocksOf(pattern.LeastTokens, block), most = Math.Min(blocks, BlocksOf(pattern.MostTokens, block));
        int vertical = fewest, slash = fewest;
        if (!least)
        {
            vertical = Math.Min(most, Math.Max(fewest, Needed(columns, (float)pattern.Gamma) / TokensPerBlock + 1));
            slash = Math.Min(most, Math.Max(fewest, Needed(diagonals, (float)pattern.Gamma) / TokensPerBlock + 1));
        }

        float[] rented = ArrayPool<float>.Shared.Rent(blocks);
        int[] places = ArrayPool<int>.Shared.Rent(blocks);
        Span<float> sums = rented.AsSpan(0, blocks);
        sums.Clear();
        for (int key = 0; key < keys; key++)
            sums[key / block] += columns[key];
        sums[0] = float.PositiveInfinity;
        Span<int> found = places.AsSpan(0, Math.Min(blocks, vertical));
        LargestValues.Find(sums, found);
        foreach (int column in found)
        {
            for (int row = mask.FirstRow; row < mask.End; row++)
                mask.Keep(row, column);
        }

        // Blocks of distances are counted from the farthest one, so that it is the nearest that may be short.
        sums.Clear();
        for (int distance = 0; distance < keys; distance++)
            sums[(keys - 1 - distance) / block] += diagonals[distance];
        sums[blocks - 1] = float.PositiveInfinity;
        found = places.AsSpan(0, Math.Min(blocks, slash));
        LargestValues.Find(sums, found);
        foreach (int place in found)
        {
            for (int row = Math.Max(mask.FirstRow, blocks - 1 - place); row < mask.End; row++)
                mask.Keep(row, row - (blocks - 1 - place));
        }

        ArrayPool<int>.Shared.Return(places);
        ArrayPool<float>.Shared.Return(rented);
    }

    /// <summary>Keeps blocks in descending order of their attention while its sum is within a limit.</summary>
    public static void KeepLargest(ReadOnlySpan<float> attention, float limit, in BlockMask mask)
    {
        int count = attention.Length;
        float[] values = ArrayPool<float>.Shared.Rent(count);
        int[] places = ArrayPool<int>.Shared.Rent(count);
        for (int i = 0; i < count; i++)
            (values[i], places[i]) = (-attention[i], i);
        values.AsSpan(0, count).Sort(places.AsSpan(0, count));
        float sum = 0;
        for (int i = 0; i < count && (sum -= values[i]) <= limit; i++)
            mask.Keep(mask.FirstRow + places[i] / mask.End, places[i] % mask.End);
        ArrayPool<int>.Shared.Return(places);
        ArrayPool<float>.Shared.Return(values);
    }

    // How many of the largest shares it takes to cover more than a share.
    private static int Needed(ReadOnlySpan<float> shares, float gamma)
    {
        float[] rented = ArrayPool<float>.Shared.Rent(shares.Length);
        Span<float> sorted = rented.AsSpan(0, shares.Length);
        shares.CopyTo(sorted);
        sorted.Sort();
        float sum = 0;
        int count = 0;
        while (count < sorted.Length && (sum += sorted[^(count + 1)]) <= gamma)
            count++;
        ArrayPool<float>.Shared.Return(rented);
        return count + 1;
    }

    // softmax over blocks of the product of a mean query and mean keys.
    private static void Attend<TSimd, TVector>(
        in PieceQueries<TSimd, TVector> piece, ReadOnlySpan<float> query, float scale, ReadOnlySpan<float> means, int block, int count, Span<float> shares)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        int size = query.Length;
        for (int i = 0; i < count; i++)
        {
            shares[i] = piece.Sees(i * block, (i + 1) * block)
                ? scale * TensorPrimitives.Dot(query, means.Slice(i * size, size))
                : float.NegativeInfinity;
        }

        float largest = TensorPrimitives.Max<float>(shares[..count]), sum = 0;
        for (int i = 0; i < count; i++)
            sum += shares[i] = MathF.Exp(shares[i] - largest);
        TensorPrimitives.Divide(shares[..count], sum, shares[..count]);
    }

    // The square root of the Jensen-Shannon divergence of the expected shares of blocks and those they have.
    private static double Distance(ReadOnlySpan<float> expected, ReadOnlySpan<float> columns, int block)
    {
        double divergence = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double p = expected[i], q = TensorPrimitives.Sum(columns[(i * block)..Math.Min(columns.Length, (i + 1) * block)]), mean = (p + q) / 2;
            divergence += (p > 0 ? p * Math.Log(p / mean) : 0) + (q > 0 ? q * Math.Log(q / mean) : 0);
        }

        return Math.Sqrt(Math.Max(0, divergence / 2));
    }
}
