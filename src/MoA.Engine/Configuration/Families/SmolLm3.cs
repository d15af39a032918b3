namespace MoA.Engine.Configuration.Families;

/// <summary>SmolLM 3: Llama of which some layers, every fourth unless it is said, are not turned.</summary>
internal sealed class SmolLm3 : ModelFamily
{
    private const int Interval = 4;

    public override string Name => "SmolLM3";

    internal override string ModelType => "smollm3";

    internal override RopePairs GgufPairs => RopePairs.Adjacent;

    internal override ConfigDefaults Defaults => new() { RopeTheta = 2e6, TieWordEmbeddings = true, BosTokenId = 128_000, EosTokenId = 128_001 };

    internal override IReadOnlyList<(string Name, string Config)> Shapes { get; } =
    [
        (
            "smollm3-3b",
            """
            {
                "model_type": "smollm3", "hidden_size": 2048, "num_hidden_layers": 36, "num_attention_heads": 16, "num_key_value_heads": 4,
                "intermediate_size": 11008, "vocab_size": 128256, "max_position_embeddings": 65536, "rope_theta": 5000000
            }
            """),
    ];

    internal override ModelConfig Read(HuggingFaceConfig file)
    {
        bool[] turns = Turns(file);
        bool slides = file["use_sliding_window"].AsBoolean(missing: false);
        return file.Model(slides ? file.Windows(missing: null, layer => !turns[layer]) : [])
            .WithLayers((layer, index) => turns[index] ? layer : layer with { Rope = null });
    }

    internal override ModelConfig Read(GgufConfig file) =>
        file.Model().WithLayers((layer, index) => Turns(index, Interval) ? layer : layer with { Rope = null });

    internal override string? Unwritable(ModelConfig model) =>
        model.LayerDescriptions.Where((layer, index) => layer.Rope is not null != Turns(index, Interval)).Any()
            ? "other layers without RoPE than every fourth"
            : null;

    private static bool Turns(int layer, int interval) => (layer + 1) % interval != 0;

    private static bool[] Turns(HuggingFaceConfig file)
    {
        if (file["no_rope_layers"] is not { HasValue: true } list)
        {
            int interval = file["no_rope_layer_interval"].AsOptionalInteger(1, int.MaxValue) ?? Interval;
            return [.. Enumerable.Range(0, file.Layers).Select(layer => Turns(layer, interval))];
        }

        bool[] turns = [.. list.Items().Select(turned => turned.AsInteger(0, 1) == 1)];
        return turns.Length == file.Layers
            ? turns
            : throw list.Refuse($"has {turns.Length} entries; expected {file.Layers}, one per layer");
    }
}
