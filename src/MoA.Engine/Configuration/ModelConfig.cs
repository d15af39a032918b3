namespace MoA.Engine.Configuration;

/// <summary>
/// The shape and the constants of a decoder-only transformer. The loaders guarantee the ranges given here and that H·d
/// fits an <see cref="int"/>.
/// </summary>
public sealed record ModelConfig
{
    /// <summary>Which architecture's details apply.</summary>
    public required ModelFamily Architecture { get; init; }

    /// <summary>Width of the residual stream; at least 1.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of the MLP between its projections; at least 1.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Number of layers; at least 1.</summary>
    public required int Layers { get; init; }

    /// <summary>Query heads H of each layer; a multiple of <see cref="KeyValueHeads"/>.</summary>
    public required int QueryHeads { get; init; }

    /// <summary>Key/value heads G of each layer; at least 1.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Components d of a head; even. H·d may differ from <see cref="HiddenSize"/>.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Number of tokens, and of logits; at least 1.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>The length in tokens that the model was made for; longer texts are refused by <see cref="LongestText"/>.</summary>
    public required int MaxPositions { get; init; }

    /// <summary>Added to the mean square in every RMS norm; above 0.</summary>
    public required double RmsNormEpsilon { get; init; }

    /// <summary>Base of the rotary frequencies; above 0.</summary>
    public required double RopeTheta { get; init; }

    /// <summary>Which components of a head RoPE turns together, as the stored weights expect it.</summary>
    public RopePairs RopePairs { get; init; }

    /// <summary>How rotary frequencies are stretched.</summary>
    public RopeScaling RopeScaling { get; init; } = new RopeScaling.None();

    /// <summary>The rotary embedding of layers with a sliding window, where it differs from the others'; else null.</summary>
    public RopeSettings? SlidingRope { get; init; }

    /// <summary>How many of a head's components RoPE turns, the first ones; even. All of them where it is not given.</summary>
    public int RotaryDimensions
    {
        get => field == 0 ? HeadSize : field;
        init;
    }

    /// <summary>Whether the embedding is also the language-model head.</summary>
    public bool TieWordEmbeddings { get; init; }

    /// <summary>
    /// One sliding window in tokens per layer, null where a layer sees everything; empty: no layer has one.
    /// </summary>
    public IReadOnlyList<int?> SlidingWindows { get; init; } = [];

    /// <summary>Token at the start of a sequence, if the model has one.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>Tokens that end a sequence; may be empty.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>Query heads g = H/G that share a KV head; query head i uses KV head i / g.</summary>
    public int QueriesPerKeyValueHead => QueryHeads / KeyValueHeads;

    /// <summary>
    /// Length W of the layer's sliding window (position i sees j with i - W &lt; j ≤ i), or null for none.
    /// </summary>
    public int? SlidingWindow(int layer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(layer, Layers);
        return SlidingWindows.Count == 0 ? null : SlidingWindows[layer];
    }

    /// <summary>Tokens beyond which a text is refused: the context, or no number where RoPE stretches with the text.</summary>
    public int LongestText => RopeScaling is RopeScaling.Dynamic ? int.MaxValue : MaxPositions;

    /// <summary>Whether texts of two lengths are turned by the same angles, so that rows of the one can go on in the other.</summary>
    internal bool TurnsAlike(int length, int other) => RopeScaling.Regime(length) == RopeScaling.Regime(other) &&
        (SlidingRope is null || SlidingRope.Scaling.Regime(length) == SlidingRope.Scaling.Regime(other));

    /// <summary>Reads a Hugging Face <c>config.json</c>.</summary>
    /// <exception cref="InvalidInputException">The file cannot be read, a value is missing or out of range, or the
    /// model is of a kind that the engine does not run.</exception>
    public static ModelConfig Load(string configJsonPath)
    {
        ArgumentNullException.ThrowIfNull(configJsonPath);
        return HuggingFaceConfig.Read(configJsonPath);
    }
}
