using System.Buffers;
using System.Numerics.Tensors;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Prefill;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Sparse;

/// <summary>Chooses blocks by mean queries and mean keys (<see cref="PooledBlocksPattern"/>).</summary>
internal static class PooledBlocksChoice
{
    private const int Block = ElasticRule.BlockSize;

    /// <summary>Chooses for a piece.</summary>
    public static void Run<TSimd, TVector>(
        in PieceQueries<TSimd, TVector> piece, PooledBlocksPattern pattern, KeyRanges ranges, WorkerScratch scratch, int worker)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        int size = piece.Inputs.HeadSize, blocks = (piece.End + Block - 1) / Block;
        float[] rented = ArrayPool<float>.Shared.Rent(blocks * size + size + blocks);
        Span<float> keys = rented.AsSpan(0, blocks * size), query = rented.AsSpan(blocks * size, size), products = rented.AsSpan((blocks + 1) * size, blocks);
        // A block that is not full counts as one filled up with zeros, as in the official code: sums do as well as means.
        BlockMeans<TSimd, TVector>.AddKeys(piece, Block, keys, scratch, worker);
        int[] places = ArrayPool<int>.Shared.Rent(blocks);
        for ((int first, int end) = ranges.Rows; first < end; (first, end) = ranges.Rows)
        {
            BlockMeans<TSimd, TVector>.AddQueries(piece, first, end, query);
            int own = first / Block;
            for (int block = 0; block <= own; block++)
            {
                products[block] = piece.Sees(block * Block, (block + 1) * Block)
                    ? TensorPrimitives.Dot<float>(query, keys.Slice(block * size, size))
                    : float.NegativeInfinity;
            }

            Span<int> kept = places.AsSpan(0, Math.Min(pattern.Blocks, own + 1));
            LargestValues.Find(products[..(own + 1)], kept);
            foreach (int block in kept)
                ranges.Add(block * Block, (block + 1) * Block);
            ranges.EndBlock();
        }

        ArrayPool<int>.Shared.Return(places);
        ArrayPool<float>.Shared.Return(rented);
    }
}
