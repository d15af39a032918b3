using System.Globalization;
using MoA.Engine.Configuration;

namespace MoA.Engine.Attention;

/// <summary>
/// InfLLM (arXiv 2402.04617): everything is stored, and a generated token attends to the sink, a local window and the
/// blocks outside the window whose representative keys suit its queries best, chosen anew at every step for a whole layer.
/// Saves the reading of rows, not their memory. Layers with sliding windows attend within these.
/// </summary>
internal sealed class InfLlmPolicy : AttentionPolicy
{
    /// <summary>The policy's name on the command line and in reports.</summary>
    public const string CommandName = "infllm";

    /// <summary>Tokens that represent a block, as in the official code's configurations.</summary>
    public const int DefaultRepresentatives = 4;

    /// <summary>A policy of a given size.</summary>
    /// <param name="budget">Rows that a token attends to for a sequence's full length: sink, blocks and local window.</param>
    /// <param name="localShare">The window's part of the rows besides the sink, 0 to 1, in whole blocks and at least one.</param>
    /// <param name="representatives">Tokens that represent a block, 1 to 64.</param>
    public InfLlmPolicy(ElasticRule budget, double localShare = 0.5, int representatives = DefaultRepresentatives)
    {
        if (localShare is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(localShare), localShare, "Expected a share from 0 to 1.");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(representatives);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(representatives, ElasticRule.BlockSize);
        Budget = budget;
        LocalShare = localShare;
        Representatives = representatives;
    }

    /// <inheritdoc/>
    public override string Name => CommandName;

    /// <summary>Rows that a token attends to for a sequence's full length.</summary>
    public ElasticRule Budget { get; }

    /// <summary>The window's part of the rows besides the sink.</summary>
    public double LocalShare { get; }

    /// <summary>Tokens that represent a block.</summary>
    public int Representatives { get; }

    /// <summary>Tokens of the local window, a multiple of 64.</summary>
    public int LocalTokens(int length)
    {
        int blocks = Budget.RingRows(length) / ElasticRule.BlockSize;
        return Math.Max(1, (int)(LocalShare * blocks)) * ElasticRule.BlockSize;
    }

    /// <summary>Blocks that a step chooses outside the window.</summary>
    public int ChosenBlocks(int length) => (Budget.RingRows(length) - LocalTokens(length)) / ElasticRule.BlockSize;

    /// <inheritdoc/>
    /// <exception cref="InvalidInputException">All of the model's layers have windows of their own.</exception>
    internal override ElasticRule RuleOf(int layer, int queryHead, ModelConfig config, int length)
    {
        ArgumentNullException.ThrowIfNull(config);
        RequireUnboundedLayer(config);
        return ElasticRule.Dense;
    }

    /// <summary>The share of rows that a step attends to; all of them are stored.</summary>
    internal override double Density(ModelConfig config, int length)
    {
        ArgumentNullException.ThrowIfNull(config);
        return DensityOf(Budget, config, length);
    }

    /// <inheritdoc/>
    internal override string Describe(ModelConfig config, int length) => string.Create(
        CultureInfo.InvariantCulture, $"{Name} {LocalTokens(length)} {ChosenBlocks(length)} {Representatives} {length}");
}
