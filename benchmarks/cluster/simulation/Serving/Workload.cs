using MoA.Cluster.Simulation.Events;

namespace MoA.Cluster.Simulation.Serving;

/// <summary>Who asks, how much and how often. Lengths in tokens.</summary>
internal sealed record Workload
{
    /// <summary>Conversations that begin in a second, as a mean over the day.</summary>
    public required double ConversationsPerSecond { get; init; }

    /// <summary>How far the rate swings about its mean within a day of 24 hours, 0 to 1: 0.5 is half as many at night, half as many more at noon.</summary>
    public double DailySwing { get; init; }

    /// <summary>Different system prompts, of which the k-th is taken in proportion to 1/k.</summary>
    public int Systems { get; init; } = 200;

    /// <summary>Tokens of a system prompt.</summary>
    public Distribution SystemTokens { get; init; } = new Distribution.Lognormal(1000, 0.7);

    /// <summary>Turns of a conversation.</summary>
    public Distribution Turns { get; init; } = new Distribution.Geometric(8);

    /// <summary>Tokens of the first question, such as a text with it.</summary>
    public Distribution FirstTokens { get; init; } = new Distribution.Lognormal(300, 1.2);

    /// <summary>Tokens of a later question.</summary>
    public Distribution QuestionTokens { get; init; } = new Distribution.Lognormal(50, 1);

    /// <summary>Tokens of an answer, never more than are asked for.</summary>
    public Distribution AnswerTokens { get; init; } = new Distribution.Lognormal(150, 0.9);

    /// <summary>New tokens that a request asks for: caches are made for as many.</summary>
    public int AskedTokens { get; init; } = 1024;

    /// <summary>Seconds from an answer to the next question.</summary>
    public Distribution ThinkSeconds { get; init; } = new Distribution.Lognormal(40, 1);

    /// <summary>Tokens that the model's context holds; a conversation that would be longer ends.</summary>
    public int ContextTokens { get; init; } = 32768;

    /// <summary>The next time after another at which a conversation begins: a Poisson process, thinned where the rate swings.</summary>
    public double NextArrival(double after, ref Randomness random)
    {
        double most = ConversationsPerSecond * (1 + DailySwing);
        for (double time = after; ;)
        {
            time -= Math.Log(random.Uniform()) / most;
            double rate = ConversationsPerSecond * (1 - DailySwing * Math.Cos(2 * Math.PI * time / 86400));
            if (DailySwing == 0 || random.Uniform() * most < rate)
                return time;
        }
    }

    /// <summary>The tokens of each system prompt.</summary>
    public int[] DrawSystems(ulong seed)
    {
        Randomness random = new(seed, 1);
        int[] tokens = new int[Systems];
        for (int i = 0; i < tokens.Length; i++)
            tokens[i] = Math.Min(SystemTokens.DrawCount(ref random), ContextTokens / 4);
        return tokens;
    }

    /// <summary>Sums of 1/k, by which system prompts are drawn.</summary>
    public double[] Popularity()
    {
        double[] sums = new double[Systems];
        double sum = 0;
        for (int i = 0; i < sums.Length; i++)
            sums[i] = sum += 1.0 / (i + 1);
        return sums;
    }
}
