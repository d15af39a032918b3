using System.Buffers;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Prefill;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Sparse;

/// <summary>Chooses columns and diagonals (<see cref="VerticalSlashPattern"/>), and lays them out as the official kernel does.</summary>
internal static class VerticalSlashChoice
{
    private const int Block = ElasticRule.BlockSize;

    /// <summary>Chooses for a piece.</summary>
    public static void Run<TSimd, TVector>(
        in PieceQueries<TSimd, TVector> piece, VerticalSlashPattern pattern, KeyRanges ranges, WorkerScratch scratch, int worker)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        int keys = piece.End;
        float[] rented = ArrayPool<float>.Shared.Rent(2 * keys);
        Span<float> columns = rented.AsSpan(0, keys), diagonals = rented.AsSpan(keys, keys);
        VoterWeights<TSimd, TVector>.Add(piece, Math.Min(VerticalSlashPattern.Voters, piece.Rows), columns, diagonals, scratch, worker);
        Choose(columns, diagonals, pattern, ranges);
        ArrayPool<float>.Shared.Return(rented);
    }

    /// <summary>Chooses by the votes; fills all blocks of a piece.</summary>
    /// <param name="columns">Votes for each key; overwritten.</param>
    /// <param name="diagonals">Votes for each distance; overwritten.</param>
    /// <param name="pattern">How many of them stay.</param>
    /// <param name="ranges">Takes the keys.</param>
    public static void Choose(Span<float> columns, Span<float> diagonals, VerticalSlashPattern pattern, KeyRanges ranges)
    {
        int keys = columns.Length;
        int vertical = Math.Min(keys, Math.Max(pattern.Vertical, VerticalSlashPattern.LeastVertical));
        int slash = Math.Min(keys, Math.Max(pattern.Slash, VerticalSlashPattern.LeastSlash));
        columns[..Math.Min(keys, VerticalSlashPattern.FirstColumns)].Fill(float.PositiveInfinity);
        diagonals[..Math.Min(keys, VerticalSlashPattern.NearestDiagonals)].Fill(float.PositiveInfinity);
        int[] rented = ArrayPool<int>.Shared.Rent(vertical + slash);
        Span<int> kept = rented.AsSpan(0, vertical), distances = rented.AsSpan(vertical, slash);
        LargestValues.Find(columns, kept);
        LargestValues.Find(diagonals, distances);
        distances.Reverse();
        while (ranges.Rows.First < ranges.Rows.End)
            LayOut(kept, distances, (ranges.FirstBlock + ranges.Blocks + 1) * Block, ranges);
        ArrayPool<int>.Shared.Return(rented);
    }

    // Diagonals become squares of 64 keys that they cross on their way through the 64 queries up to `end`; those that touch are joined to wholes of
    // 64 (vertical_slash_index.cu). Columns stay what they are between them.
    private static void LayOut(ReadOnlySpan<int> columns, ReadOnlySpan<int> distances, int end, KeyRanges ranges)
    {
        int slash = 0, column = 0;
        while (distances[slash] >= end)
            slash++; // the nearest is 0
        int blockEnd = Math.Max(end - distances[slash++], Block), blockStart = blockEnd - Block;
        while (true)
        {
            for (; column < columns.Length && columns[column] < blockEnd; column++)
            {
                if (columns[column] < blockStart)
                    ranges.Add(columns[column], columns[column] + 1);
            }

            if (slash == distances.Length)
                break;
            int next = Math.Max(end - distances[slash++], Block);
            if (next > blockEnd + Block)
            {
                ranges.Add(blockStart, blockEnd);
                (blockStart, blockEnd) = (next - Block, next);
            }
            else if (next > blockEnd)
            {
                blockEnd += Block;
            }
        }

        ranges.Add(blockStart, blockEnd);
        ranges.EndBlock();
    }
}
