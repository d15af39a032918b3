using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>
/// Backward pass of causal attention and the influence of its positions, one item a query head. Queries come in tiles
/// of 64 (one block, or several smaller ones); of each tile the numerators e of all visible keys and G = dO·V' are held, never more. Three
/// passes over the keys: products and their maxima; e, G and the sums over each row; influence and the gradients
/// dQ = dS·K, dK += dS'·Q, dV += A'·dO. Tiles whose dO is zero (no loss depends on them) are skipped, exactly.
/// </summary>
internal readonly unsafe struct AttentionGradient<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int Queries = AttentionTile<TSimd, TVector>.Queries;
    private const int KeysPerChunk = AttentionTile<TSimd, TVector>.KeysPerChunk;

    private readonly WorkerScratch _scratch;
    private readonly AttentionGradientInputs _inputs;

    /// <summary>Describes one layer's attention; the influence is expected to be cleared.</summary>
    public AttentionGradient(WorkerScratch scratch, AttentionGradientInputs inputs)
    {
        _scratch = scratch;
        _inputs = inputs;
    }

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        AttentionShape shape = _inputs.Shape;
        AttentionTile<TSimd, TVector> tile = new(_scratch, worker, shape.Rows, shape.HeadSize, shape.Traits.SoftCap > 0);
        PackHead(tile, index / shape.Group);
        if (_inputs.WithGradients)
        {
            nuint bytes = (nuint)shape.Rows * (nuint)_inputs.PaddedHeadSize * sizeof(float);
            NativeMemory.Clear(_inputs.KeyGradients + _inputs.HeadOffset(index), bytes);
            NativeMemory.Clear(_inputs.ValueGradients + _inputs.HeadOffset(index), bytes);
        }

        for (int firstQuery = 0; firstQuery < shape.Rows; firstQuery += Queries)
            Tile(tile, index, firstQuery);
    }

    private void Tile(in AttentionTile<TSimd, TVector> tile, int head, int firstQuery)
    {
        AttentionShape shape = _inputs.Shape;
        int keys = Math.Min(firstQuery + Queries, shape.Rows);
        if (!PackTile(tile, head, firstQuery, keys - firstQuery))
        {
            if (_inputs.WithGradients)
                WriteQueryGradients(tile, head, firstQuery, keys - firstQuery);
            return;
        }

        InfluenceTile<TSimd, TVector> passes = new(tile, head, firstQuery, shape);
        int oldest = (int)Math.Max(0, (long)firstQuery - shape.SlidingWindow + 1);
        int firstChunk = oldest / KeysPerChunk * KeysPerChunk;
        for (int key = firstChunk; key < keys; key += KeysPerChunk)
        {
            int count = Math.Min(KeysPerChunk, keys - key);
            ByQueries(tile.Keys, tile.QueryColumns, tile.Weights, key, count);
            passes.Maxima(key, count);
        }

        passes.Settle(shape.Traits.Sinks?[head]);

        for (int key = firstChunk; key < keys; key += KeysPerChunk)
        {
            int count = Math.Min(KeysPerChunk, keys - key);
            ByQueries(tile.Values, tile.OutputColumns, tile.Gradients, key, count);
            passes.Numerators(key, count);
        }

        float* influence = _inputs.Influence + ((nint)head * shape.Blocks + firstQuery / shape.Block) * shape.Blocks;
        int queryBlocks = Math.Min(Queries / shape.Block, shape.Blocks - firstQuery / shape.Block);
        double* sums = stackalloc double[Queries / shape.Block];
        for (int key = firstChunk; key < keys; key += KeysPerChunk)
        {
            int count = Math.Min(KeysPerChunk, keys - key);
            int step = shape.Ranks is null ? shape.Block : 1;
            for (int start = 0; start < count; start += step)
            {
                passes.Influence(key + start, Math.Min(step, count - start), shape.Block, sums);
                for (int i = 0; i < queryBlocks; i++)
                    influence[i * shape.Blocks + Column(key + start, head / shape.Group, firstQuery, i)] += (float)sums[i];
            }

            if (_inputs.WithGradients)
                Accumulate(tile, head, key, count);
        }

        if (_inputs.WithGradients)
            WriteQueryGradients(tile, head, firstQuery, keys - firstQuery);
    }

    // Where the influence of a key on a block of the tile's queries is summed. By content the block of its rank stands in the place that makes a rule
    // lose it at the same number of rows as one that keeps the last: the first block where the sink is, the others back from the queries' own. The
    // piece that is being read all see, as they see the sink.
    private int Column(int key, int keyValueHead, int firstQuery, int queryBlock)
    {
        int block = _inputs.Shape.Block;
        if (_inputs.Shape.Ranks is not ContentRanks ranks)
            return key / block;
        ReadOnlySpan<int> before = ranks.Of(keyValueHead, firstQuery);
        int place = key < before.Length ? before[key] / block : 0;
        return place == 0 ? 0 : firstQuery / block + queryBlock + 1 - place;
    }

    // result[keys, 64] = rows[keys, d] · columns[d, 64].
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ByQueries(float* rows, float* columns, float* result, int key, int count)
    {
        int size = _inputs.Shape.HeadSize;
        for (int column = 0; column < Queries; column += MicroKernel<TSimd, TVector>.Columns)
        {
            MicroKernel<TSimd, TVector>.Multiply(
                rows + (nint)key * size, size, columns + column, Queries,
                result + (nint)key * Queries + column, Queries, count, size, accumulate: false);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Accumulate(in AttentionTile<TSimd, TVector> tile, int head, int key, int count)
    {
        int size = _inputs.Shape.HeadSize, padded = _inputs.PaddedHeadSize, strip = MicroKernel<TSimd, TVector>.Columns;
        float* weights = tile.Weights + (nint)key * Queries;
        float* gradients = tile.Gradients + (nint)key * Queries;
        nint offset = _inputs.HeadOffset(head) + (nint)key * padded;
        for (int column = 0; column < padded; column += strip)
        {
            MicroKernel<TSimd, TVector>.Multiply(
                weights, Queries, tile.OutputRows + column, padded,
                _inputs.ValueGradients + offset + column, padded, count, Queries, accumulate: true);
            MicroKernel<TSimd, TVector>.Multiply(
                gradients, Queries, tile.QueryRows + column, padded,
                _inputs.KeyGradients + offset + column, padded, count, Queries, accumulate: true);
        }

        for (int column = 0; column < Queries; column += strip)
        {
            MicroKernel<TSimd, TVector>.Multiply(
                tile.KeysTransposed + (nint)key * size, KeysPerChunk, gradients + column, Queries,
                tile.QueryGradients + column, Queries, size, count, accumulate: true);
        }
    }

    private void PackHead(in AttentionTile<TSimd, TVector> tile, int keyValueHead)
    {
        int size = _inputs.Shape.HeadSize;
        for (int row = 0; row < _inputs.Shape.Rows; row++)
        {
            float* key = _inputs.Key(row, keyValueHead);
            Buffer.MemoryCopy(key, tile.Keys + (nint)row * size, size * 4, size * 4);
            Buffer.MemoryCopy(_inputs.Value(row, keyValueHead), tile.Values + (nint)row * size, size * 4, size * 4);
            int chunk = row / KeysPerChunk * KeysPerChunk;
            float* column = tile.KeysTransposed + (nint)chunk * size + (row - chunk);
            for (int d = 0; d < size; d++)
                column[d * KeysPerChunk] = key[d];
        }
    }

    // Lays out queries and dO both ways round. Returns false if all of dO is zero; the query gradients are cleared
    // anyway.
    private bool PackTile(in AttentionTile<TSimd, TVector> tile, int head, int firstQuery, int rows)
    {
        int size = _inputs.Shape.HeadSize, padded = _inputs.PaddedHeadSize;
        new Span<float>(tile.QueryGradients, Queries * size).Clear();
        bool any = false;
        for (int row = 0; row < rows && !any; row++)
            any = new ReadOnlySpan<float>(_inputs.Output(firstQuery + row, head), size).ContainsAnyExcept(0f);
        if (!any)
            return false;
        for (int row = 0; row < Queries; row++)
        {
            bool inside = row < rows;
            float* query = inside ? _inputs.Query(firstQuery + row, head) : null;
            float* output = inside ? _inputs.Output(firstQuery + row, head) : null;
            PackRow(query, row, tile.QueryRows, tile.QueryColumns, size, padded);
            PackRow(output, row, tile.OutputRows, tile.OutputColumns, size, padded);
        }

        return true;
    }

    private static void PackRow(float* source, int row, float* rows, float* columns, int size, int padded)
    {
        for (int d = 0; d < padded; d++)
        {
            float value = source is null || d >= size ? 0f : source[d];
            rows[row * padded + d] = value;
            if (d < size)
                columns[d * Queries + row] = value;
        }
    }

    private void WriteQueryGradients(in AttentionTile<TSimd, TVector> tile, int head, int firstQuery, int rows)
    {
        for (int row = 0; row < rows; row++)
        {
            float* query = _inputs.Query(firstQuery + row, head);
            for (int d = 0; d < _inputs.Shape.HeadSize; d++)
                query[d] = tile.QueryGradients[d * Queries + row];
        }
    }
}
