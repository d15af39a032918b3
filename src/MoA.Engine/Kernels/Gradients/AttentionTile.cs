using MoA.Engine.Attention;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>
/// One worker's memory for the attention gradient of a query head: its keys and values, and everything of one tile of
/// 64 queries. Matrices of the tile stand transposed, [keys, 64 queries]: one lane of a vector is one query, so softmax
/// and influence need no sums across lanes, and the keys' gradients are plain products of what is stored.
/// </summary>
internal readonly unsafe struct AttentionTile<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>Queries of a tile: a whole number of blocks.</summary>
    public const int Queries = ElasticRule.BlockSize;

    /// <summary>Keys that are worked on while they are in the nearest cache: whole blocks, and 32 times the
    /// micro-kernel's six rows.</summary>
    public const int KeysPerChunk = 3 * ElasticRule.BlockSize;

    /// <summary>Lays the memory out for keys 0 … rows − 1.</summary>
    public AttentionTile(WorkerScratch scratch, int worker, int rows, int headSize, bool hasSoftCap)
    {
        int padded = Padded(headSize);
        int chunks = (rows + KeysPerChunk - 1) / KeysPerChunk;
        int paddedRows = chunks * KeysPerChunk;
        float* memory = scratch.Floats(
            worker, paddedRows * ((hasSoftCap ? 3 : 2) * Queries + 3 * headSize) + Queries * (2 * padded + 3 * headSize + 5));
        Weights = Take(ref memory, (nint)paddedRows * Queries);
        Gradients = Take(ref memory, (nint)paddedRows * Queries);
        Slopes = hasSoftCap ? Take(ref memory, (nint)paddedRows * Queries) : null;
        Keys = Take(ref memory, (nint)paddedRows * headSize);
        KeysTransposed = Take(ref memory, (nint)paddedRows * headSize);
        Values = Take(ref memory, (nint)paddedRows * headSize);
        QueryRows = Take(ref memory, Queries * padded);
        OutputRows = Take(ref memory, Queries * padded);
        QueryColumns = Take(ref memory, Queries * headSize);
        OutputColumns = Take(ref memory, Queries * headSize);
        QueryGradients = Take(ref memory, Queries * headSize);
        Maxima = Take(ref memory, Queries);
        Largest = Take(ref memory, Queries);
        LargestProduct = Take(ref memory, Queries);
        Others = Take(ref memory, Queries);
        OtherProducts = Take(ref memory, Queries);
    }

    /// <summary>[rows, 64]: scores, then softmax numerators, then probabilities.</summary>
    public float* Weights { get; }

    /// <summary>[rows, 64]: the loss's gradient for probabilities, then for scores.</summary>
    public float* Gradients { get; }

    /// <summary>[rows, 64]: how much a score changes with the product that it is a soft cap of; null if there is no cap.</summary>
    public float* Slopes { get; }

    /// <summary>[rows, d].</summary>
    public float* Keys { get; }

    /// <summary>Chunk by chunk [d, <see cref="KeysPerChunk"/>].</summary>
    public float* KeysTransposed { get; }

    /// <summary>[rows, d].</summary>
    public float* Values { get; }

    /// <summary>[64, padded d], zero beyond d and beyond the last row.</summary>
    public float* QueryRows { get; }

    /// <summary>[64, padded d]: gradient at the head's outputs, zero beyond d and beyond the last row.</summary>
    public float* OutputRows { get; }

    /// <summary>[d, 64].</summary>
    public float* QueryColumns { get; }

    /// <summary>[d, 64].</summary>
    public float* OutputColumns { get; }

    /// <summary>[d, 64].</summary>
    public float* QueryGradients { get; }

    /// <summary>[64] largest score of each query.</summary>
    public float* Maxima { get; }

    /// <summary>[64] largest numerator e of each query.</summary>
    public float* Largest { get; }

    /// <summary>[64] e·G of the key with the largest numerator.</summary>
    public float* LargestProduct { get; }

    /// <summary>[64] sum of e over the other keys.</summary>
    public float* Others { get; }

    /// <summary>[64] sum of e·G over the other keys.</summary>
    public float* OtherProducts { get; }

    /// <summary>Columns rounded up to whole strips of the micro-kernel.</summary>
    public static int Padded(int columns)
    {
        int strip = MicroKernel<TSimd, TVector>.Columns;
        return (columns + strip - 1) / strip * strip;
    }

    private static float* Take(ref float* memory, nint count)
    {
        float* taken = memory;
        memory += count;
        return taken;
    }
}
