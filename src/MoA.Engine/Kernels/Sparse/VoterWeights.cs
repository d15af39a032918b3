using System.Runtime.CompilerServices;
using MoA.Engine.Attention;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Sparse;

/// <summary>What the last queries of a piece look at: softmax(q·k·scale) over the keys up to each, added up by column and by diagonal.</summary>
internal static unsafe class VoterWeights<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int Block = ElasticRule.BlockSize;

    // Rows a power of two apart would share few lines of the first cache.
    private const int Skew = 16;

    private static int Lanes => PrefillPanel<TSimd, TVector, TwoVectors>.Queries;

    /// <summary>Adds up the weights of the last queries.</summary>
    /// <param name="piece">The piece.</param>
    /// <param name="voters">How many of its queries.</param>
    /// <param name="columns">[end]: takes the sum that each key gets.</param>
    /// <param name="diagonals">[end]: takes the sum of the keys at each distance.</param>
    /// <param name="scratch">Memory of the workers.</param>
    /// <param name="worker">Which of them runs this.</param>
    public static void Add(
        in PieceQueries<TSimd, TVector> piece, int voters, Span<float> columns, Span<float> diagonals, WorkerScratch scratch, int worker)
    {
        int keys = piece.End, size = piece.Inputs.HeadSize, lanes = Lanes;
        nint stride = (size + 15) / 16 * 16 + Skew;
        int slack = PrefillPanel<TSimd, TVector, TwoVectors>.Slack, shift = voters + lanes; // room for what lies in the future
        float* tile = scratch.Floats(worker, Block * stride + (long)size * lanes + 3L * lanes + (long)(keys + slack) * lanes + keys + 2L * shift);
        float* queries = tile + Block * stride, maxima = queries + size * lanes, sums = maxima + lanes, corrections = sums + lanes;
        float* weights = corrections + lanes, bands = weights + (nint)(keys + slack) * lanes;
        new Span<float>(bands, keys + 2 * shift).Clear();
        columns[..keys].Clear();
        for (int first = 0; first < voters; first += lanes)
        {
            int rows = Math.Min(lanes, voters - first), position = keys - voters + first;
            Weigh(piece, position, rows, tile, stride, queries, maxima, sums, corrections, weights);
            // The query of lane i at position + i looks back position + i - key.
            fixed (float* column = columns)
                AddUp(weights, sums, keys, column, bands + shift + position);
        }

        new Span<float>(bands + shift, keys).CopyTo(diagonals);
    }

    private static void Weigh(
        in PieceQueries<TSimd, TVector> piece, int position, int rows, float* tile, nint stride, float* queries, float* maxima, float* sums, float* corrections,
        float* weights)
    {
        int keys = piece.End, size = piece.Inputs.HeadSize, lanes = Lanes;
        new Span<float>(queries, size * lanes).Clear();
        Transposition.Run(piece.Query(position), piece.Stride, queries, lanes, rows, size, piece.Scale * OnlineSoftmax<TSimd, TVector>.Log2E);
        int done = 0;
        for (KeyRange next = piece.NextKeys(0); next.First < next.End; next = piece.NextKeys(next.End))
        {
            new Span<float>(weights + (nint)done * lanes, (next.First - done) * lanes).Fill(float.NegativeInfinity);
            piece.Keys.Read(next.First, next.End - next.First, tile, null, stride);
            PrefillPanel<TSimd, TVector, TwoVectors>.Score(tile, stride, next.End - next.First, size, queries, weights + (nint)next.First * lanes);
            done = next.End;
        }

        for (int key = keys - 1; key > position; key--)
            new Span<float>(weights + (nint)key * lanes, Math.Min(rows, key - position)).Fill(float.NegativeInfinity);
        new Span<float>(maxima, lanes).Fill(OnlineSoftmax<TSimd, TVector>.Lowest);
        new Span<float>(sums, lanes).Clear();
        PrefillPanel<TSimd, TVector, TwoVectors>.Softmax(weights, keys, maxima, sums, corrections);
        for (int lane = 0; lane < lanes; lane++)
            sums[lane] = lane < rows ? 1 / sums[lane] : 0;
    }

    [MethodImpl(JitOptions.Loop)]
    private static void AddUp(float* weights, float* shares, int keys, float* columns, float* bands)
    {
        int lanes = Lanes;
        for (int key = 0; key < keys; key++, weights += lanes, bands--)
        {
            TVector sum = TSimd.Zero;
            for (int lane = 0; lane < lanes; lane += TSimd.Width)
            {
                TVector weight = TSimd.Multiply(TSimd.Load(weights + lane), TSimd.Load(shares + lane));
                sum = TSimd.Add(sum, weight);
                TSimd.Store(bands + lane, TSimd.Add(TSimd.Load(bands + lane), weight));
            }

            columns[key] += TSimd.SumLanes(sum);
        }
    }
}
