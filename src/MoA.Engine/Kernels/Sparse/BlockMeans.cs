using System.Numerics.Tensors;
using MoA.Engine.Attention;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Sparse;

/// <summary>Sums of queries and of keys over blocks of positions.</summary>
internal static unsafe class BlockMeans<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>Adds up the keys of each block that the last query may see.</summary>
    /// <param name="piece">The piece.</param>
    /// <param name="block">Positions of a block, a multiple of 64.</param>
    /// <param name="sums">[blocks, size]: takes the sums.</param>
    /// <param name="scratch">Memory of the workers.</param>
    /// <param name="worker">Which of them runs this.</param>
    public static void AddKeys(in PieceQueries<TSimd, TVector> piece, int block, Span<float> sums, WorkerScratch scratch, int worker)
    {
        int size = piece.Inputs.HeadSize;
        float* tile = scratch.Floats(worker, (long)ElasticRule.BlockSize * size);
        sums.Clear();
        for (KeyRange next = piece.NextKeys(0); next.First < next.End; next = piece.NextKeys(next.End))
        {
            int count = next.End - next.First;
            piece.Keys.Read(next.First, count, tile, null, size);
            AddRows(tile, size, count, sums.Slice(next.First / block * size, size));
        }
    }

    /// <summary>Adds up queries.</summary>
    /// <param name="piece">The piece.</param>
    /// <param name="first">Position of the first.</param>
    /// <param name="end">Position behind the last.</param>
    /// <param name="sum">[size]: takes the sum.</param>
    public static void AddQueries(in PieceQueries<TSimd, TVector> piece, int first, int end, Span<float> sum)
    {
        sum.Clear();
        AddRows(piece.Query(first), piece.Stride, end - first, sum);
    }

    private static void AddRows(float* rows, nint stride, int count, Span<float> sum)
    {
        for (int row = 0; row < count; row++)
            TensorPrimitives.Add(sum, new ReadOnlySpan<float>(rows + row * stride, sum.Length), sum);
    }
}
