using MoA.Cluster.Simulation.Events;
using MoA.Cluster.Simulation.Placements;
using MoA.Cluster.Simulation.Serving;

namespace MoA.Benchmarks.Tests.Cluster;

/// <summary>A simulated member beside the closed forms of queueing theory: prompts cost nothing, answers are what is served.</summary>
public sealed class QueueingTests
{
    // Steps of 0.1 ms: a service of a second is 10,000 tokens, so that whole tokens hardly differ from a continuous time.
    private const double StepSeconds = 1e-4;
    private const int Batches = 20;

    // Erlang C: the mean wait of M/M/c, service of a second.
    [Theory]
    [InlineData(1, 0.5)]
    [InlineData(1, 0.8)]
    [InlineData(4, 0.7)]
    [InlineData(16, 0.9)]
    public void Waiting_is_that_of_Erlang(int servers, double load)
    {
        double offered = servers * load, term = 1, sum = 1;
        for (int i = 1; i < servers; i++)
            sum += term *= offered / i;
        term *= offered / servers / (1 - load);
        double expected = term / (sum + term) / (servers - offered);

        double[] waits = Run(offered, new Distribution.Exponential(1 / StepSeconds), servers, queue: int.MaxValue, perStream: false, result => result.Wait.Mean);

        AssertMean(expected, waits);
    }

    // M/M/c/K: who finds all places taken is refused.
    [Fact]
    public void As_many_are_refused_as_find_the_queue_full()
    {
        const int Servers = 2, Places = 5;
        const double Offered = 1.8;
        double[] states = new double[Places + 1];
        states[0] = 1;
        for (int n = 1; n <= Places; n++)
            states[n] = states[n - 1] * Offered / Math.Min(n, Servers);
        double expected = states[Places] / states.Sum();

        double[] refused = Run(Offered, new Distribution.Exponential(1 / StepSeconds), Servers, queue: Places - Servers, perStream: false,
            result => (double)result.MeasuredRefused / result.Measured);

        AssertMean(expected, refused);
    }

    // Where a step takes longer with every stream, texts share a processor: the mean time is 1/(1 - load), whatever the lengths' distribution (M/G/1-PS).
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Shared_steps_are_a_shared_processor(bool isLognormal)
    {
        const double Load = 0.6;
        Distribution tokens = isLognormal
            ? new Distribution.Lognormal(Math.Exp(-0.5) / StepSeconds, 1)
            : new Distribution.Exponential(1 / StepSeconds);

        double[] times = Run(Load, tokens, servers: 100_000, queue: 1, perStream: true, result => result.Whole.Mean);

        AssertMean(1 / (1 - Load), times);
    }

    private static double[] Run(double rate, Distribution tokens, int servers, int queue, bool perStream, Func<ServingResult, double> value) =>
        [.. Enumerable.Range(0, Batches).Select(batch => value(new ServingSimulation(
            new ClusterSettings
            {
                Members = 1,
                Seed = (ulong)batch + 1,
                Conversations = 10_000,
                WarmUp = 0.1,
                Member = new()
                {
                    Costs = new(0, 0, [1, 2], perStream ? [StepSeconds, 2 * StepSeconds] : [StepSeconds, StepSeconds], 0, LongestStep: 2),
                    Rules = Shapes.Dense,
                    CacheBytes = long.MaxValue / 8,
                    MaxSequences = servers,
                    QueueLength = queue,
                    LongestWaitSeconds = 1e9,
                },
                Workload = new()
                {
                    ConversationsPerSecond = rate,
                    Systems = 1,
                    SystemTokens = new Distribution.Constant(1),
                    Turns = new Distribution.Constant(1),
                    FirstTokens = new Distribution.Constant(1),
                    AnswerTokens = tokens,
                    AskedTokens = 1 << 22,
                    ContextTokens = 1 << 24,
                },
            },
            Placement.Find("random")).Run()))];

    // Within four standard errors, as batches of their own show them.
    private static void AssertMean(double expected, double[] batches)
    {
        double mean = batches.Average();
        double error = Math.Sqrt(batches.Sum(batch => (batch - mean) * (batch - mean)) / (batches.Length - 1) / batches.Length);
        Assert.InRange(mean, expected - 4 * error, expected + 4 * error);
        Assert.True(error < expected / 15, $"the mean is known to {error} only, beside {expected}");
    }
}
