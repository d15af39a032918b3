using System.Numerics.Tensors;
using MoA.Engine.Kernels;

namespace MoA.Engine.Generation;

/// <summary>
/// How likely the model held a token that was written, and which it held likeliest, whatever temperature, penalties and
/// filters then made of that.
/// </summary>
/// <param name="Token">The token that was written.</param>
/// <param name="LogProbability">Natural logarithm of its probability.</param>
/// <param name="Top">The likeliest tokens with theirs, likeliest first, equal ones by token.</param>
public sealed record TokenLogProbability(int Token, double LogProbability, IReadOnlyList<(int Token, double LogProbability)> Top)
{
    /// <summary>Reads them from a row of logits.</summary>
    internal static TokenLogProbability From(ReadOnlySpan<float> logits, int token, int top)
    {
        LogitBlocks blocks = new(logits, stackalloc float[LogitBlocks.CountOf(logits.Length)]);
        double normalizer = LogNormalizer(blocks);
        if (top == 0)
            return new TokenLogProbability(token, logits[token] - normalizer, []);
        PriorityQueue<int, (float Logit, int Order)> best = new(top + 1);
        for (int block = 0; block < blocks.Maxima.Length; block++)
        {
            if (best.Count == top && blocks.Maxima[block] <= logits[best.Peek()])
                continue;
            int first = block * LogitBlocks.Size, end = first + blocks[block].Length;
            for (int other = first; other < end; other++)
            {
                if (best.Count < top)
                    best.Enqueue(other, (logits[other], -other));
                else if (logits[other] > logits[best.Peek()])
                    _ = best.EnqueueDequeue(other, (logits[other], -other));
            }
        }

        (int Token, double LogProbability)[] likeliest = new (int, double)[best.Count];
        for (int i = likeliest.Length - 1; i >= 0; i--)
        {
            int other = best.Dequeue();
            likeliest[i] = (other, logits[other] - normalizer);
        }

        return new TokenLogProbability(token, logits[token] - normalizer, likeliest);
    }

    /// <summary>What is subtracted from a logit to give the logarithm of its probability.</summary>
    internal static double LogNormalizer(ReadOnlySpan<float> logits) =>
        LogNormalizer(new LogitBlocks(logits, stackalloc float[LogitBlocks.CountOf(logits.Length)]));

    private static double LogNormalizer(LogitBlocks blocks)
    {
        // A likelihood of e^-60 is lost in the sum, a whole vocabulary of them too.
        float floor = Math.Max(blocks.Least, blocks.Largest - 60);
        Span<double> weights = stackalloc double[LogitBlocks.Size];
        double sum = 0;
        for (int block = 0; block < blocks.Maxima.Length; block++)
            sum += TensorPrimitives.Sum<double>(blocks.Weigh(block, 1, floor, weights));
        return blocks.Largest + Math.Log(sum);
    }
}
