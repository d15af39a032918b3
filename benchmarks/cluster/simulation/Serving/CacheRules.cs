using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Numerics;

namespace MoA.Cluster.Simulation.Serving;

/// <summary>
/// The rows that a plan keeps, as groups of heads with one elastic rule each: what the caches of a sequence take, and what a token sees. Rows come from the
/// engine's own rule, so bytes are those that a member counts.
/// </summary>
internal sealed class CacheRules
{
    private readonly (ElasticRule Rule, int Heads)[] _groups;
    private readonly long _bytesPerRow;
    private readonly int _heads;
    private readonly Dictionary<int, long> _bytes = [];

    private CacheRules(string name, (ElasticRule Rule, int Heads)[] groups, long bytesPerRow)
    {
        (Name, _groups, _bytesPerRow) = (name, groups, bytesPerRow);
        _heads = groups.Sum(group => group.Heads);
    }

    /// <summary>What it is called.</summary>
    public string Name { get; }

    /// <summary>Each rule, and how many heads have it.</summary>
    public IReadOnlyList<(ElasticRule Rule, int Heads)> Groups => _groups;

    /// <summary>Dense attention: every token stays.</summary>
    public static CacheRules Dense(ModelConfig model) =>
        new("dense", [(ElasticRule.Dense, model.Layers * model.KeyValueHeads)], BytesPerRow(model));

    /// <summary>
    /// Rules like those of published plans, as benchmarks/peers/plan.mjs makes them: most heads keep an eighth of the text (or half of the density), the others
    /// 5/8 to all of it, as many as the density allows.
    /// </summary>
    /// <param name="model">The model's shape.</param>
    /// <param name="density">Kept rows as a share of dense attention's, in long texts.</param>
    public static CacheRules Plan(ModelConfig model, double density)
    {
        if (density is not (> 0 and <= 1))
            throw new ArgumentException($"density {density}: expected a number above 0 and up to 1");
        if (density == 1)
            return Dense(model);
        int heads = model.Layers * model.KeyValueHeads;
        double local = Math.Min(1.0 / 8, density / 2);
        double[] spans = [7.0 / 8, 1, 5.0 / 8, 3.0 / 4];
        int[] count = new int[spans.Length];
        double spare = (density - local) * heads;
        for (int i = 0; spare >= spans[i % spans.Length] - local; i++)
        {
            count[i % spans.Length]++;
            spare -= spans[i % spans.Length] - local;
        }

        (ElasticRule, int)[] groups =
            [(new ElasticRule(0, local), heads - count.Sum()), .. spans.Select((span, i) => (new ElasticRule(0, span), count[i]))];
        return new(FormattableString.Invariant($"plan {density:0.##}"), groups, BytesPerRow(model));
    }

    /// <summary>Bytes of the caches of a sequence of so many tokens, new ones included.</summary>
    public long Bytes(int capacity)
    {
        if (_bytes.TryGetValue(capacity, out long known))
            return known;
        long rows = 0;
        foreach ((ElasticRule rule, int heads) in _groups)
            rows += (long)heads * Math.Min(rule.Rows(capacity), ElasticRule.Dense.Rows(capacity));
        return _bytes[capacity] = rows * _bytesPerRow;
    }

    /// <summary>Tokens that a token sees behind so many others, as a mean over the heads.</summary>
    public double Seen(int behind, int capacity)
    {
        double seen = 0;
        foreach ((ElasticRule rule, int heads) in _groups)
            seen += heads * (double)Math.Min(behind, rule.Rows(capacity));
        return seen / _heads;
    }

    /// <summary>The sum of what the tokens from one place up to below another see.</summary>
    public double SeenBetween(int from, int to, int capacity)
    {
        double seen = 0;
        foreach ((ElasticRule rule, int heads) in _groups)
        {
            double rows = rule.Rows(capacity);
            seen += heads * (UpTo(to, rows) - UpTo(from, rows));
        }

        return seen / _heads;

        static double UpTo(double tokens, double rows) =>
            tokens <= rows ? tokens * tokens / 2 : rows * rows / 2 + rows * (tokens - rows);
    }

    private static long BytesPerRow(ModelConfig model) => 2 * ElementType.BF16.RowBytes(model.HeadSize);
}
