namespace MoA.Engine.Tests.KvCache;

internal static class LogProbability
{
    /// <summary>log Σ e^logit.</summary>
    public static double LogSum(ReadOnlySpan<float> logits)
    {
        double largest = double.NegativeInfinity, sum = 0;
        foreach (float logit in logits)
            largest = Math.Max(largest, logit);
        foreach (float logit in logits)
            sum += Math.Exp(logit - largest);
        return largest + Math.Log(sum);
    }
}
