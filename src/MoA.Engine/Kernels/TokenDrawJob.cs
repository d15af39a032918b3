using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>Draws a token from each row of logits; an item is a row.</summary>
internal readonly unsafe struct TokenDrawJob(float* logits, int vocabulary, TokenDraw* draws, double* scratch, int* tokens) : IParallelJob
{
    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        int doubles = TokenDraw.ScratchDoubles(vocabulary);
        tokens[index] = draws[index].From(
            new ReadOnlySpan<float>(logits + (nint)index * vocabulary, vocabulary), new Span<double>(scratch + (nint)worker * doubles, doubles));
    }
}
