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
        double normalizer = LogNormalizer(logits);
        PriorityQueue<int, (float Logit, int Order)> best = new(top + 1);
        for (int other = 0; other < logits.Length; other++)
        {
            if (best.Count < top)
                best.Enqueue(other, (logits[other], -other));
            else if (top > 0 && logits[other] > logits[best.Peek()])
                _ = best.EnqueueDequeue(other, (logits[other], -other));
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
    internal static double LogNormalizer(ReadOnlySpan<float> logits)
    {
        float largest = System.Numerics.Tensors.TensorPrimitives.Max(logits);
        double sum = 0;
        foreach (float logit in logits)
            sum += Math.Exp((double)logit - largest);
        return largest + Math.Log(sum);
    }
}
