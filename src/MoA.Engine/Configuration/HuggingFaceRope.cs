using MoA.Engine.Files;

namespace MoA.Engine.Configuration;

/// <summary>
/// Reads what a config.json says of rotary position embedding: <c>rope_parameters</c>, for all layers or by kind of layer, or the older
/// <c>rope_scaling</c>, <c>rope_theta</c> and <c>partial_rotary_factor</c>.
/// </summary>
internal sealed class HuggingFaceRope
{
    private const string Kinds = "default, linear, dynamic, yarn, longrope or llama3";

    private readonly JsonField _file;
    private readonly int _maxPositions;
    private readonly double _theta;

    /// <param name="file">The root of the file.</param>
    /// <param name="headSize">Components of a head.</param>
    /// <param name="maxPositions">What the file says of the context.</param>
    /// <param name="theta">The base where the file does not say.</param>
    public HuggingFaceRope(JsonField file, int headSize, int maxPositions, double theta)
    {
        _file = file;
        _theta = theta;
        _maxPositions = maxPositions;
        JsonField rope = file["rope_parameters"] is { HasValue: true } parameters ? parameters : file["rope_scaling"];
        bool isByKind = rope.HasValue && (rope["full_attention"].HasValue || rope["sliding_attention"].HasValue);
        JsonField full = isByKind ? rope["full_attention"] : rope, sliding = isByKind ? rope["sliding_attention"] : default;
        RotaryDimensions = Dimensions(full, headSize);
        Full = Settings(full);
        if (!sliding.HasValue)
            return;
        if (full.HasValue && Dimensions(sliding, headSize) != RotaryDimensions)
            throw sliding.Refuse("\"partial_rotary_factor\" differs by kind of layer; expected one for all layers");
        RotaryDimensions = Dimensions(sliding, headSize);
        Sliding = Settings(sliding);
    }

    /// <summary>How many of a head's components turn; even.</summary>
    public int RotaryDimensions { get; }

    /// <summary>Of layers that see everything.</summary>
    public RopeSettings Full { get; }

    /// <summary>Of layers with a sliding window, where they differ; else null.</summary>
    public RopeSettings? Sliding { get; }

    /// <summary>The context, as far as the scaling stretches it.</summary>
    public int MaxPositions
    {
        get
        {
            double stretched = Full.Scaling switch
            {
                RopeScaling.Yarn yarn => yarn.Factor * yarn.OriginalMaxPositions,
                RopeScaling.Dynamic dynamic => dynamic.Factor * dynamic.TrainedPositions,
                RopeScaling.Linear => _file["max_sequence_length"].AsOptionalInteger(1, int.MaxValue) ?? 0,
                _ => 0,
            };
            return (int)Math.Clamp(stretched, _maxPositions, int.MaxValue);
        }
    }

    private int Dimensions(JsonField rope, int headSize)
    {
        double share = (rope.HasValue ? rope["partial_rotary_factor"].AsOptionalNumber(double.Epsilon, 1) : null) ??
            _file["partial_rotary_factor"].AsOptionalNumber(double.Epsilon, 1) ?? 1;
        int dimensions = (int)(headSize * share);
        return dimensions >= 2 && dimensions % 2 == 0
            ? dimensions
            : throw _file.Refuse(FormattableString.Invariant(
                $"\"partial_rotary_factor\" {share} turns {dimensions} of the {headSize} components of a head; expected an even number from 2"));
    }

    private RopeSettings Settings(JsonField rope)
    {
        double theta = (rope.HasValue ? rope["rope_theta"].AsOptionalNumber(double.Epsilon, 1e30) : null) ??
            _file["rope_theta"].AsOptionalNumber(double.Epsilon, 1e30) ?? _theta;
        return new RopeSettings(theta, Scaling(rope, theta));
    }

    private RopeScaling Scaling(JsonField rope, double theta)
    {
        if (!rope.HasValue || !rope.Fields().Any())
            return new RopeScaling.None();
        string? kind = rope["rope_type"].AsOptionalString() ?? rope["type"].AsOptionalString();
        switch (kind)
        {
            case "default" or "none":
            case null when rope["rope_theta"].HasValue:
                return new RopeScaling.None();
            case "linear":
                return new RopeScaling.Linear(Factor(rope, "factor"));
            case "dynamic":
                if (RotaryDimensions < 4)
                    throw rope.Refuse("the RoPE scaling is \"dynamic\" over 2 components of a head; expected at least 4");
                return new RopeScaling.Dynamic(rope["factor"].AsNumber(1, 1e6), _maxPositions);
            case "yarn":
                return Yarn(rope, theta);
            case "longrope" or "su":
                return LongRope(rope);
            case "llama3":
                double low = Factor(rope, "low_freq_factor");
                double high = Factor(rope, "high_freq_factor");
                if (low >= high)
                    throw rope.Refuse("\"low_freq_factor\" is not below \"high_freq_factor\"; expected low < high");
                return new RopeScaling.Llama3(
                    Factor(rope, "factor"), low, high, rope["original_max_position_embeddings"].AsInteger(1, int.MaxValue));
            case null:
                throw rope["rope_type"].Expected(Kinds);
            default:
                throw rope.Refuse($"the RoPE scaling is \"{InputFile.Cut(kind)}\"; expected {Kinds}");
        }
    }

    private RopeScaling.Yarn Yarn(JsonField rope, double theta)
    {
        if (theta == 1)
            throw rope.Refuse("the RoPE scaling is \"yarn\" with a base of 1; expected another \"rope_theta\"");
        int original = rope["original_max_position_embeddings"].AsOptionalInteger(1, int.MaxValue) ?? _maxPositions;
        double factor = rope["factor"].AsOptionalNumber(1e-6, 1e6) ?? (double)_maxPositions / original;
        double? scale = rope["mscale"].AsOptionalNumber(0, 1e6), ofAll = rope["mscale_all_dim"].AsOptionalNumber(0, 1e6);
        double attention = rope["attention_factor"].AsOptionalNumber(1e-6, 1e6) ?? (scale > 0 && ofAll > 0
            ? RopeScaling.Yarn.AttentionOf(factor, scale.Value) / RopeScaling.Yarn.AttentionOf(factor, ofAll.Value)
            : RopeScaling.Yarn.AttentionOf(factor));
        return new RopeScaling.Yarn(
            factor,
            original,
            attention,
            rope["beta_fast"].AsOptionalNumber(1e-6, 1e6) ?? 32,
            rope["beta_slow"].AsOptionalNumber(1e-6, 1e6) ?? 1,
            rope["truncate"].AsBoolean(missing: true));
    }

    // Phi writes the first trained length beside the dictionary, others into it.
    private RopeScaling.LongRope LongRope(JsonField rope)
    {
        int? beside = _file["original_max_position_embeddings"].AsOptionalInteger(1, int.MaxValue);
        int original = beside ?? rope["original_max_position_embeddings"].AsOptionalInteger(1, int.MaxValue) ?? _maxPositions;
        double stretch = (beside is null ? rope["factor"].AsOptionalNumber(1e-6, 1e6) : null) ?? (double)_maxPositions / original;
        double attention = rope["attention_factor"].AsOptionalNumber(1e-6, 1e6) ??
            (stretch <= 1 || original == 1 ? 1 : Math.Sqrt(1 + Math.Log(stretch) / Math.Log(original)));
        return new RopeScaling.LongRope(Divisors(rope["short_factor"]), Divisors(rope["long_factor"]), original, attention);
    }

    private float[] Divisors(JsonField list)
    {
        float[] divisors = [.. list.Items().Select(divisor => (float)divisor.AsNumber(1e-6, 1e6))];
        return divisors.Length == RotaryDimensions / 2
            ? divisors
            : throw list.Refuse($"has {divisors.Length} numbers; expected {RotaryDimensions / 2}, one for each pair of components that turn");
    }

    private static double Factor(JsonField rope, string key) => rope[key].AsNumber(1e-6, 1e6);
}
