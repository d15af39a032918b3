namespace MoA.Engine.Kernels;

/// <summary>
/// Products of a few query heads with stored rows of one format. The rows' numbers are read once for all heads. Queries
/// are handed over once per item, so that a format may bring them into the form that it multiplies with.
/// </summary>
internal unsafe interface IDecodeTile
{
    /// <summary>Sets a head's query times <paramref name="scale"/>.</summary>
    void SetQuery(int head, float* query, float scale);

    /// <summary>
    /// scores[i][row] = query of head <c>head + i</c>·keys[row] for <paramref name="heads"/> (1, 2, 4 or 8) heads and at most
    /// <see cref="DecodeBlock.Rows"/> rows, for which each head has room. Scores beyond the last row may become anything.
    /// Tiles of the same rows follow each other, head 0 first.
    /// </summary>
    void Score(int head, int heads, byte* keys, int rows, float* scores, Prefetch next);

    /// <summary>Writes a head's finished output, times <paramref name="scale"/>, in the order of its elements.</summary>
    void WriteOutput(float* output, float* to, float scale);

    /// <summary>
    /// outputs[i] += Σ weights[i][row]·values[row], of the same heads. Weights beyond the last row may be overwritten.
    /// </summary>
    void AddWeighted(int head, int heads, float* weights, byte* values, int rows, float* outputs, Prefetch next);
}
