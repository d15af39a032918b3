using MoA.Engine.Files;
using MoA.Engine.Numerics;

namespace MoA.Engine.Configuration;

/// <summary>Reads and writes what a GGUF file says of the scaling of rotary position embedding: keys under <c>rope.scaling</c>, and tensors of divisors.</summary>
internal static class GgufRope
{
    /// <summary>Divisors of RoPE's frequencies, as Llama 3.1 needs them.</summary>
    public const string Factors = "rope_freqs.weight";

    // Ours; other programs always truncate.
    private const string TruncateKey = "rope.scaling.yarn_truncate";

    // Of layers with a window: the base, and, ours too, a divisor for every pair of components and what cosines and sines are multiplied by.
    private const string SlidingTheta = "rope.freq_base_swa", SlidingDivisors = "rope.scaling.factors_swa", SlidingAttention = "rope.scaling.attn_factor_swa";

    private const string ShortFactors = "rope_factors_short.weight";
    private const string LongFactors = "rope_factors_long.weight";

    /// <summary>The tensors that <see cref="Tensors"/> may give.</summary>
    public static IReadOnlyList<string> TensorNames { get; } = [Factors, ShortFactors, LongFactors];

    /// <summary>The scaling of an open model.</summary>
    /// <param name="checkpoint">The model.</param>
    /// <param name="key">Puts the architecture's name in front of a key.</param>
    /// <param name="pairs">Pairs of components that turn.</param>
    /// <param name="maxPositions">The model's context.</param>
    /// <param name="truncates">Whether yarn's blend ends at whole indices where the file does not say.</param>
    /// <exception cref="InvalidInputException">A value or a tensor is malformed, or the kind is not run.</exception>
    public static RopeScaling Read(GgufCheckpoint checkpoint, Func<string, string> key, int pairs, int maxPositions, bool truncates)
    {
        GgufMetadata metadata = checkpoint.Metadata;
        string kind = metadata.OptionalString(key("rope.scaling.type")) ?? "linear";
        double factor = Number("rope.scaling.factor") ?? Number("rope.scale_linear") ?? 1;
        if (factor == 0)
            factor = 1; // how some writers say that nothing is scaled
        int original = metadata.OptionalInt(key("rope.scaling.original_context_length"), 0, int.MaxValue) is int given and > 0 ? given : maxPositions;
        double attention = (Number("rope.scaling.attn_factor") is double one and > 0 ? one : 1) *
            (Number("rope.scaling.yarn_attn_factor") is double other and > 0 ? other : 1);
        if (checkpoint.Contains(ShortFactors) && checkpoint.Contains(LongFactors))
            return new RopeScaling.LongRope(Divisors(checkpoint, ShortFactors, pairs), Divisors(checkpoint, LongFactors, pairs), original, attention);
        switch (kind)
        {
            case "none" or "linear":
                factor = kind == "linear" ? factor : 1;
                if (checkpoint.Contains(Factors))
                    return new RopeScaling.Factors([.. Divisors(checkpoint, Factors, pairs).Select(divisor => (float)(divisor * factor))], attention);
                return factor != 1 ? new RopeScaling.Linear(factor) : new RopeScaling.None();
            case "yarn" when checkpoint.Contains(Factors):
                throw metadata.Fault($"the RoPE scaling is yarn beside a tensor {Factors}; expected one of them");
            case "yarn":
                double scale = Number("rope.scaling.yarn_log_multiplier") ?? 0;
                double stretch = RopeScaling.Yarn.AttentionOf(factor) / (scale > 0 ? RopeScaling.Yarn.AttentionOf(factor, scale) : 1);
                return factor == 1 && attention == 1
                    ? new RopeScaling.None()
                    : new RopeScaling.Yarn(
                        factor, original, stretch * attention, Number("rope.scaling.yarn_beta_fast") ?? 32, Number("rope.scaling.yarn_beta_slow") ?? 1,
                        metadata.Bool(key(TruncateKey), truncates));
            default:
                throw metadata.Fault($"the RoPE scaling is \"{InputFile.Cut(kind)}\"{(kind == "longrope" ? $" without tensors {ShortFactors} and {LongFactors}" : "")}; " +
                    "expected none, linear, yarn or longrope");
        }

        double? Number(string name) => metadata.OptionalDouble(key(name), 0, 1e6);
    }

    /// <summary>What a file says of layers with a window; null where it says nothing of them.</summary>
    /// <param name="metadata">The file's values.</param>
    /// <param name="key">Puts the architecture's name in front of a key.</param>
    /// <param name="pairs">Pairs of components that turn.</param>
    /// <exception cref="InvalidInputException">A value is malformed.</exception>
    public static RopeSettings? ReadSliding(GgufMetadata metadata, Func<string, string> key, int pairs)
    {
        if (metadata.OptionalDouble(key(SlidingTheta), double.Epsilon, 1e30) is not double theta)
            return null;
        if (metadata.OptionalFloats(key(SlidingDivisors)) is not float[] divisors)
            return new RopeSettings(theta, new RopeScaling.None());
        if (divisors.Length != pairs || !AreDivisors(divisors))
            throw metadata.Fault($"\"{key(SlidingDivisors)}\" has {divisors.Length} numbers; expected {pairs} between 1e-6 and 1e6, one for each pair of components that turn");
        return new RopeSettings(theta, new RopeScaling.Factors(divisors, metadata.OptionalDouble(key(SlidingAttention), double.Epsilon, 1e6) ?? 1));
    }

    /// <summary>Writes what layers with a window turn by, where a reader would not take it to be so.</summary>
    public static void WriteSliding(GgufWriter file, ModelConfig config)
    {
        if (OfWindows(config) is not { } sliding || config.SlidingRope is null && IsImplied(config, sliding))
            return;
        string architecture = config.Architecture.GgufName;
        file.Add($"{architecture}.{SlidingTheta}", (float)sliding.Theta);
        if (sliding.Scaling is RopeScaling.None)
            return;
        file.Add($"{architecture}.{SlidingDivisors}", DivisorsOf(sliding, config.RotaryDimensions / 2));
        file.Add($"{architecture}.{SlidingAttention}", (float)sliding.Scaling.AttentionFactor);
    }

    /// <summary>Whether keys can say what layers with a window turn by: not where it depends on the text's length.</summary>
    public static bool IsWritable(ModelConfig config) =>
        OfWindows(config) is not { Scaling: RopeScaling.Dynamic or RopeScaling.LongRope } sliding || IsImplied(config, sliding);

    /// <summary>Writes the keys of a scaling.</summary>
    /// <param name="file">Takes them.</param>
    /// <param name="family">The model's family.</param>
    /// <param name="scaling">The scaling.</param>
    public static void Write(GgufWriter file, ModelFamily family, RopeScaling scaling)
    {
        string architecture = family.GgufName;
        switch (scaling)
        {
            case RopeScaling.Linear linear:
                Kind("linear", linear.Factor);
                break;
            case RopeScaling.Yarn yarn when yarn.Truncates || !family.GgufYarnTruncates:
                Kind("yarn", yarn.Factor);
                Add("original_context_length", yarn.OriginalMaxPositions);
                Number("attn_factor", yarn.Attention / RopeScaling.Yarn.AttentionOf(yarn.Factor));
                Number("yarn_beta_fast", yarn.BetaFast);
                Number("yarn_beta_slow", yarn.BetaSlow);
                if (yarn.Truncates != family.GgufYarnTruncates)
                    file.Add($"{architecture}.{TruncateKey}", yarn.Truncates);
                break;
            case RopeScaling.LongRope longRope:
                file.Add($"{architecture}.rope.scaling.type", "longrope");
                Add("original_context_length", longRope.OriginalMaxPositions);
                Number("attn_factor", longRope.Attention);
                break;
            case not RopeScaling.None and { AttentionFactor: not 1 }:
                Number("attn_factor", scaling.AttentionFactor);
                break;
        }

        void Kind(string kind, double factor)
        {
            file.Add($"{architecture}.rope.scaling.type", kind);
            Number("factor", factor);
        }

        void Add(string name, int value) => file.Add($"{architecture}.rope.scaling.{name}", (uint)value);

        void Number(string name, double value) => file.Add($"{architecture}.rope.scaling.{name}", (float)value);
    }

    /// <summary>The tensors of a model's scaling, each with its divisors: what keys cannot say.</summary>
    public static IEnumerable<(string Name, float[] Divisors)> Tensors(ModelConfig config)
    {
        switch (config.Rope?.Scaling)
        {
            case RopeScaling.LongRope longRope:
                yield return (ShortFactors, [.. longRope.ShortDivisors]);
                yield return (LongFactors, [.. longRope.LongDivisors]);
                break;
            case RopeScaling.Factors factors:
                yield return (Factors, [.. factors.Divisors]);
                break;
            case RopeScaling.Yarn { Truncates: false } when !config.Architecture.GgufYarnTruncates:
                break;
            case RopeScaling.Llama3 or RopeScaling.Yarn { Truncates: false }:
                yield return (Factors, DivisorsOf(config.Rope, config.RotaryDimensions / 2));
                break;
        }
    }

    /// <summary>Sentences on what a model asks for and GGUF cannot say.</summary>
    public static IEnumerable<string> Unwritten(ModelConfig config)
    {
        if (config.Rope?.Scaling is RopeScaling.Dynamic dynamic)
            yield return $"GGUF has no dynamic RoPE scaling; from the file, texts beyond {dynamic.TrainedPositions} tokens are read without it";
        if (OfWindows(config) is { Scaling: not RopeScaling.None } sliding && !IsImplied(config, sliding))
            yield return "other programs read layers with a window without their RoPE scaling; MoA heeds what the file says of it";
    }

    private static bool IsImplied(ModelConfig config, RopeSettings sliding) => sliding == config.Architecture.GgufSlidingRope(config.Rope!);

    private static RopeSettings? OfWindows(ModelConfig config) => config.LayerDescriptions.FirstOrDefault(layer => layer is { Rope: not null, Window: not null })?.Rope;

    private static bool AreDivisors(float[] divisors) => divisors.All(divisor => divisor is > 1e-6f and < 1e6f);

    private static float[] DivisorsOf(RopeSettings rope, int pairs)
    {
        double[] plain = new double[pairs], scaled = new double[pairs];
        new RopeScaling.None().Frequencies(rope.Theta, 1, plain);
        rope.Scaling.Frequencies(rope.Theta, 1, scaled);
        return [.. plain.Zip(scaled, (one, other) => (float)(one / other))];
    }

    private static unsafe float[] Divisors(GgufCheckpoint checkpoint, string name, int pairs)
    {
        StoredTensor stored = checkpoint.Find(name);
        if (stored.Type != ElementType.F32 || stored.Shape is not [long count] || count != pairs)
        {
            throw InputFile.Error(stored.Path, $"tensor {name} is {stored.Type} [{string.Join(", ", stored.Shape)}]; " +
                $"expected F32 [{pairs}], one for each pair of components that turn");
        }

        float[] divisors = new ReadOnlySpan<float>((void*)stored.Data, pairs).ToArray();
        if (!AreDivisors(divisors))
            throw InputFile.Error(stored.Path, $"tensor {name} holds a number that is not between 1e-6 and 1e6");
        return divisors;
    }
}
