using System.Globalization;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;

namespace MoA.Engine.Attention;

/// <summary>
/// FastGen (arXiv 2310.01801): when a prompt has been read, each head gets the least <see cref="HeadStrategy"/> that leaves it enough of its attention. How much is kept is
/// a result, not a setting.
/// </summary>
/// <param name="scorer">How much must be left, and the strategies' shares; null for the usual ones.</param>
internal sealed class FastGenPolicy(RecoveryScorer? scorer = null) : EvictionPolicy(scorer ?? new RecoveryScorer())
{
    /// <summary>The policy's name on the command line and in reports.</summary>
    public const string CommandName = "fastgen";

    /// <inheritdoc/>
    public override string Name => CommandName;

    /// <inheritdoc/>
    /// <remarks>Everything, which is the most that a head may need.</remarks>
    public override int RowsOf(int layer, int keyValueHead, int keyValueHeads, int length) => ElasticRule.Dense.Rows(length);

    /// <inheritdoc/>
    internal override double Density(ModelConfig config, int length) => DensityOf(ElasticRule.Dense, config, length);

    /// <inheritdoc/>
    internal override string Describe(ModelConfig config, int length) => string.Create(CultureInfo.InvariantCulture, $"{Name} {Scorer} {length}");
}
