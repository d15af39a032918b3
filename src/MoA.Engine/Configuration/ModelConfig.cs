namespace MoA.Engine.Configuration;

/// <summary>
/// The shape and the constants of a decoder-only transformer. The loaders guarantee the ranges given here and that H·d
/// fits an <see cref="int"/>.
/// </summary>
internal sealed record ModelConfig
{
    /// <summary>The family, which says how files are read and written; what is computed is all said here.</summary>
    public required ModelFamily Architecture { get; init; }

    /// <summary>What each layer is, first to last; at least one.</summary>
    public required IReadOnlyList<LayerDescription> LayerDescriptions
    {
        get;
        init
        {
            // What follows from them is asked for at every step, and reckoned once.
            field = value;
            IntermediateSize = value.Select(layer => layer.FeedForward.IntermediateSize).DefaultIfEmpty().Max();
            Rope = (value.FirstOrDefault(layer => layer is { Rope: not null, Window: null }) ?? value.FirstOrDefault(layer => layer.Rope is not null))?.Rope;
            RopeSettings? sliding = value.FirstOrDefault(layer => layer is { Rope: not null, Window: not null })?.Rope;
            SlidingRope = sliding == Rope ? null : sliding;
        }
    }

    /// <summary>Width of the residual stream; at least 1.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Number of layers; at least 1.</summary>
    public int Layers => LayerDescriptions.Count;

    /// <summary>Width between the projections of the widest feed-forward network.</summary>
    public int IntermediateSize { get; private init; }

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

    /// <summary>Which components of a head RoPE turns together, as the stored weights expect it.</summary>
    public RopePairs RopePairs { get; init; }

    /// <summary>How many of a head's components RoPE turns, the first ones; even. All of them where it is not given.</summary>
    public int RotaryDimensions
    {
        get => field == 0 ? HeadSize : field;
        init;
    }

    /// <summary>Whether the embedding is also the language-model head.</summary>
    public bool TieWordEmbeddings { get; init; }

    /// <summary>What rows of the embedding are multiplied by.</summary>
    public double EmbeddingScale { get; init; } = 1;

    /// <summary>What logits are multiplied by.</summary>
    public double LogitScale { get; init; } = 1;

    /// <summary>c where logits l, once scaled, become c·tanh(l/c), above 0; null where they stay.</summary>
    public double? LogitSoftCap { get; init; }

    /// <summary>Token at the start of a sequence, if the model has one.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>Tokens that end a sequence; may be empty.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>Query heads g = H/G that share a KV head; query head i uses KV head i / g.</summary>
    public int QueriesPerKeyValueHead => QueryHeads / KeyValueHeads;

    /// <summary>The rotary embedding of layers that see everything, or of all where every layer has a window; null where it turns nothing.</summary>
    public RopeSettings? Rope { get; private init; }

    /// <summary>The rotary embedding of layers with a sliding window, where it differs from the others'; else null.</summary>
    public RopeSettings? SlidingRope { get; private init; }

    /// <summary>
    /// Length W of the layer's sliding window (position i sees j with i - W &lt; j ≤ i), or null for none.
    /// </summary>
    public int? SlidingWindow(int layer) => LayerDescriptions[layer].Window;

    /// <summary>What the products of a layer's queries and keys are multiplied by.</summary>
    public double AttentionScale(int layer) => LayerDescriptions[layer].AttentionScale ?? 1 / Math.Sqrt(HeadSize);

    /// <summary>A scale as <see cref="LayerDescription.AttentionScale"/> says it: null where it is the usual one.</summary>
    internal double? ScaleOrDefault(double scale) => Math.Abs(scale * Math.Sqrt(HeadSize) - 1) < 1e-12 ? null : scale;

    /// <summary>This model with other layers.</summary>
    /// <param name="change">Makes a layer of the one that is there.</param>
    public ModelConfig WithLayers(Func<LayerDescription, LayerDescription> change) => WithLayers((layer, _) => change(layer));

    /// <summary>This model with other layers.</summary>
    /// <param name="change">Makes a layer of the one that is there and its index.</param>
    public ModelConfig WithLayers(Func<LayerDescription, int, LayerDescription> change) =>
        this with { LayerDescriptions = [.. LayerDescriptions.Select(change)] };

    /// <summary>Whether a layer's window is shorter than what the model reads; a longer one hides nothing.</summary>
    public bool IsBounded(int layer) => SlidingWindow(layer) is int window && window < LongestText;

    /// <summary>The layers that look back without limit, ascending.</summary>
    public IReadOnlyList<int> UnboundedLayers => [.. Enumerable.Range(0, Layers).Where(layer => !IsBounded(layer))];

    /// <summary>
    /// The layers that plans give rules to, ascending: those that look back without limit, or all where every layer has a window.
    /// </summary>
    public IReadOnlyList<int> PlannedLayers => UnboundedLayers is { Count: > 0 } unbounded ? unbounded : [.. Enumerable.Range(0, Layers)];

    /// <summary>Tokens beyond which a text is refused: the context, or no number where RoPE stretches with the text.</summary>
    public int LongestText => Rope?.Scaling is RopeScaling.Dynamic ? int.MaxValue : MaxPositions;

    /// <summary>The kinds of rotary embedding that layers have.</summary>
    internal IEnumerable<RopeSettings> Ropes => LayerDescriptions.Select(layer => layer.Rope).OfType<RopeSettings>().Distinct();

    /// <summary>Whether texts of two lengths are turned by the same angles, so that rows of the one can go on in the other.</summary>
    internal bool TurnsAlike(int length, int other) => Ropes.All(rope => rope.Scaling.Regime(length) == rope.Scaling.Regime(other));

    /// <summary>Reads a Hugging Face <c>config.json</c>.</summary>
    /// <exception cref="InvalidInputException">The file cannot be read, a value is missing or out of range, or the
    /// model is of a kind that the engine does not run.</exception>
    public static ModelConfig Load(string configJsonPath)
    {
        ArgumentNullException.ThrowIfNull(configJsonPath);
        return HuggingFaceConfig.Read(configJsonPath);
    }
}
