using System.Security.Cryptography;
using System.Text;
using MoA.Engine.Configuration;

namespace MoA.Engine.Attention.Prefill;

/// <summary>
/// What the queries of prompts attend to, in layers that look back without limit; which rows stay is a policy of its own
/// (<see cref="AttentionPolicy.With"/>), and what that hides stays hidden. Generated tokens attend as they would without.
/// </summary>
internal sealed class PrefillPolicy
{
    /// <summary>Tokens of a piece, if nothing else is said: what the processor reads in one pass.</summary>
    public const int DefaultPiece = 512;

    private readonly HeadPattern[][] _patterns;

    /// <summary>A policy of one pattern for all heads.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="pattern">The pattern.</param>
    /// <param name="piece">Tokens at a time for which columns and diagonals are chosen, a multiple of 64.</param>
    public PrefillPolicy(string name, HeadPattern pattern, int piece = DefaultPiece)
        : this(name, [[pattern]], piece)
    {
    }

    /// <summary>A policy of a pattern for each head.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="patterns">[layers][query heads], or a single one for all.</param>
    /// <param name="piece">Tokens at a time for which columns and diagonals are chosen, a multiple of 64.</param>
    public PrefillPolicy(string name, HeadPattern[][] patterns, int piece)
    {
        Name = name;
        _patterns = patterns;
        HeadPattern[] all = [.. patterns.SelectMany(layer => layer)];
        ChoosesByPiece = all.Any(pattern => pattern is VerticalSlashPattern or CoveragePattern);
        Piece = ChoosesByPiece ? piece : all.Max(pattern => pattern.Cut);
        Tail = all.Max(pattern => pattern.Tail);
        string text = string.Join('\n', all.Select(pattern => pattern.ToString()));
        Identity = $"{name} {Piece} {(all.Length == 1 ? text : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))))}";
    }

    /// <summary>The name on the command line and in reports.</summary>
    public string Name { get; }

    /// <summary>Everything that decides what the policy does, as text.</summary>
    public string Identity { get; }

    /// <summary>Whether all queries of a piece see the same columns and diagonals, so that a piece must be read in one pass.</summary>
    public bool ChoosesByPiece { get; }

    /// <summary>Pieces of prompts end at multiples of so many tokens, or with the prompt.</summary>
    public int Piece { get; }

    /// <summary>Tokens at the end of a prompt that see more than they would in the middle of a longer one.</summary>
    public int Tail { get; }

    /// <summary>The patterns, [layers][query heads], or a single one for all.</summary>
    public IReadOnlyList<IReadOnlyList<HeadPattern>> Patterns => _patterns;

    /// <summary>What a query head sees.</summary>
    public HeadPattern PatternOf(int layer, int head)
    {
        HeadPattern[] heads = _patterns[_patterns.Length == 1 ? 0 : layer];
        return heads[heads.Length == 1 ? 0 : head];
    }

    /// <summary>How many of a prompt's next tokens can be read in one pass; 0 where the next piece does not fit.</summary>
    /// <param name="position">Tokens read before.</param>
    /// <param name="left">Tokens of the prompt that are to come.</param>
    /// <param name="most">Tokens that fit.</param>
    public int NextTokens(int position, int left, int most) => left <= most ? left : Math.Max(0, (position + most) / Piece * Piece - position);

    /// <summary>Of tokens that are read now behind others, those read in all that would be read the same way in any longer prompt.</summary>
    /// <param name="end">Tokens read in all.</param>
    /// <param name="toCome">Tokens of the prompt behind them.</param>
    public int ReadAfresh(int end, int toCome) => Math.Max(0, end - Math.Max(0, Tail - toCome)) / Piece * Piece;

    /// <summary>Refuses a model of another shape than the patterns'.</summary>
    /// <exception cref="InvalidInputException">All of its layers have windows of their own.</exception>
    internal void Check(ModelConfig config)
    {
        if (config.UnboundedLayers.Count == 0)
        {
            throw new InvalidInputException(
                $"prefill policy {Name}: every layer of the model attends within a window of {config.LayerDescriptions.Max(layer => layer.Window)} tokens at most; "
                + $"{Name} chooses within layers that look back without limit");
        }
    }
}
