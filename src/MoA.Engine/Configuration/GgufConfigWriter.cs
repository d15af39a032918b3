using MoA.Engine.Files;

namespace MoA.Engine.Configuration;

/// <summary>Writes a model's shape, constants and sampling wishes as metadata of a GGUF file.</summary>
internal static class GgufConfigWriter
{
    public static void Write(GgufWriter file, ModelConfig config, GenerationConfig generation, string name)
    {
        string architecture = config.Architecture.GgufName;
        file.Add("general.architecture", architecture);
        file.Add("general.type", "model");
        file.Add("general.name", name);
        Add("vocab_size", config.VocabularySize);
        Add("context_length", config.MaxPositions);
        Add("embedding_length", config.HiddenSize);
        Add("block_count", config.Layers);
        Add("feed_forward_length", FeedForward(config).IntermediateSize);
        Add("attention.head_count", config.QueryHeads);
        Add("attention.head_count_kv", config.KeyValueHeads);
        Add("attention.key_length", config.HeadSize);
        Add("attention.value_length", config.HeadSize);
        file.Add($"{architecture}.attention.layer_norm_rms_epsilon", (float)config.RmsNormEpsilon);
        Add("rope.dimension_count", config.RotaryDimensions);
        if (config.Rope is { } rope)
        {
            file.Add($"{architecture}.rope.freq_base", (float)rope.Theta);
            GgufRope.Write(file, config.Architecture, rope.Scaling);
        }

        GgufRope.WriteSliding(file, config);
        WriteExperts(file, architecture, config);
        WriteWindows(file, architecture, config);
        LayerDescription layer = config.LayerDescriptions[0];
        Number("attention.scale", layer.AttentionScale);
        Number("attn_logit_softcapping", layer.AttentionSoftCap);
        Number("final_logit_softcapping", config.LogitSoftCap);
        config.Architecture.Write(file, config);
        WriteSampling(file, generation);

        void Add(string key, int value) => file.Add($"{architecture}.{key}", (uint)value);

        void Number(string key, double? value)
        {
            if (value is double number)
                file.Add($"{architecture}.{key}", (float)number);
        }
    }

    /// <summary>Refuses a model of which GGUF cannot say what it is: a file would be of another one.</summary>
    /// <param name="path">The model, for the message.</param>
    /// <param name="config">Its shape.</param>
    /// <exception cref="InvalidInputException">There is something that cannot be said.</exception>
    public static void Check(string path, ModelConfig config)
    {
        ModelFamily family = config.Architecture;
        LayerDescription? other = config.LayerDescriptions.FirstOrDefault(layer => layer.FeedForward.Activation != family.Defaults.Activation);
        string? what = config.RotaryDimensions != config.HeadSize && family.GgufPairs != config.RopePairs ? "RoPE that turns part of a head"
            : other is not null ? $"the activation {other.FeedForward.Activation}"
            : GgufRope.IsWritable(config) ? family.Unwritable(config)
            : "a RoPE scaling by the length of the text in layers with a window";
        if (what is not null)
            throw new InvalidInputException($"{path}: has {what}, which GGUF cannot say for {family}; use the folder as it is");
    }

    /// <summary>Sentences on what a model asks for and GGUF has no keys for.</summary>
    public static IReadOnlyList<string> Unwritten(ModelConfig config, GenerationConfig generation)
    {
        (string Name, bool IsAsked)[] settings =
        [
            ("frequency_penalty", generation.FrequencyPenalty is not (null or 0)),
            ("presence_penalty", generation.PresencePenalty is not (null or 0)),
            ("no_repeat_ngram_size", generation.NoRepeatNgramSize is not (null or 0)),
            ("max_new_tokens", generation.MaxNewTokens is not null),
            ("stop_strings", generation.StopStrings.Count > 0),
        ];
        return [.. GgufRope.Unwritten(config), .. config.Architecture.Unwritten(config), .. settings.Where(setting => setting.IsAsked)
            .Select(setting => $"GGUF has no key for the model's {setting.Name}; give it as an option where the file is run")];
    }

    private static void WriteExperts(GgufWriter file, string architecture, ModelConfig config)
    {
        if (config.LayerDescriptions.FirstOrDefault(layer => layer.FeedForward.Experts is not null)?.FeedForward is not { Experts: { } experts } feedForward)
            return;
        file.Add($"{architecture}.expert_count", (uint)experts.Count);
        file.Add($"{architecture}.expert_used_count", (uint)experts.Used);
        file.Add($"{architecture}.expert_feed_forward_length", (uint)feedForward.IntermediateSize);
    }

    // What is meant where a file says one width: that of layers with one network, if there are any.
    private static FeedForwardDescription FeedForward(ModelConfig config) =>
        (config.LayerDescriptions.FirstOrDefault(layer => layer.FeedForward.Experts is null) ?? config.LayerDescriptions[0]).FeedForward;

    private static void WriteWindows(GgufWriter file, string architecture, ModelConfig config)
    {
        int?[] windows = [.. Enumerable.Range(0, config.Layers).Select(config.SlidingWindow)];
        if (windows.OfType<int>().FirstOrDefault() is not (> 0 and int window))
            return;
        file.Add($"{architecture}.attention.sliding_window", (uint)window);
        if (windows.All(one => one is not null))
            return;
        bool[] pattern = [.. windows.Select(one => one is not null)];
        int period = Array.IndexOf(pattern, false) + 1;
        if (pattern.Select((slides, layer) => slides == ((layer + 1) % period != 0)).All(isSo => isSo))
            file.Add($"{architecture}.attention.sliding_window_pattern", (uint)period);
        else
            file.Add($"{architecture}.attention.sliding_window_pattern", pattern);
    }

    private static void WriteSampling(GgufWriter file, GenerationConfig generation)
    {
        double? temperature = generation.DoSample == false ? 0 : generation.Temperature;
        if (temperature is double t)
            file.Add("general.sampling.temp", (float)t);
        if (generation.TopK is int k)
            file.Add("general.sampling.top_k", (uint)k);
        if (generation.TopP is double p)
            file.Add("general.sampling.top_p", (float)p);
        if (generation.MinP is double m)
            file.Add("general.sampling.min_p", (float)m);
        if (generation.RepetitionPenalty is double r)
        {
            file.Add("general.sampling.penalty_repeat", (float)r);
            file.Add("general.sampling.penalty_last_n", generation.PenaltyLastN ?? -1);
        }
    }
}
