namespace MoA.Cluster.Simulation.Serving;

/// <summary>What a member's work takes; measured values stand in costs.json with their sources.</summary>
/// <param name="PromptTokenSeconds">A token of a prompt, without what it sees.</param>
/// <param name="PromptSeenSeconds">What a token of a prompt takes longer for each token that it sees.</param>
/// <param name="Streams">Texts that are written side by side, for which steps were measured, rising.</param>
/// <param name="StepSeconds">A step of so many texts, without what their tokens see.</param>
/// <param name="StepSeenSeconds">What a step takes longer for each token that a text's token sees.</param>
/// <param name="LongestStep">How many times as long as a step of texts alone one may take that reads prompts too.</param>
internal sealed record MemberCosts(
    double PromptTokenSeconds, double PromptSeenSeconds, double[] Streams, double[] StepSeconds, double StepSeenSeconds, double LongestStep)
{
    /// <summary>The same on a machine that is so many times as fast.</summary>
    public MemberCosts Times(double speed) => this with
    {
        PromptTokenSeconds = PromptTokenSeconds / speed,
        PromptSeenSeconds = PromptSeenSeconds / speed,
        StepSeconds = [.. StepSeconds.Select(seconds => seconds / speed)],
        StepSeenSeconds = StepSeenSeconds / speed,
    };

    /// <summary>Reading the tokens from one place of a text up to below another, by itself.</summary>
    public double Read(CacheRules rules, int from, int to, int capacity) =>
        PromptTokenSeconds * (to - from) + (PromptSeenSeconds == 0 ? 0 : PromptSeenSeconds * rules.SeenBetween(from, to, capacity));

    /// <summary>A step that writes a token of each of so many texts, whose tokens see so many others altogether.</summary>
    public double Step(int streams, double seen)
    {
        int i = 1;
        while (i < Streams.Length - 1 && streams > Streams[i])
            i++;
        if (Streams.Length == 1)
            return StepSeconds[0] + seen * StepSeenSeconds;
        double slope = (StepSeconds[i] - StepSeconds[i - 1]) / (Streams[i] - Streams[i - 1]);
        return StepSeconds[i - 1] + slope * (streams - Streams[i - 1]) + seen * StepSeenSeconds;
    }
}
