namespace MoA.Engine.Configuration.Families;

/// <summary>Qwen 2 and 2.5: biases on queries, keys and values, and windows in the upper layers where they are switched on.</summary>
internal class Qwen2 : ModelFamily
{
    public override string Name => "Qwen2";

    internal override string ModelType => "qwen2";

    internal override bool HasQueryKeyValueBiases => true;

    internal override ModelConfig Read(HuggingFaceConfig file) => file.Model(Windows(file));

    private protected static int?[] Windows(HuggingFaceConfig file)
    {
        if (!file["use_sliding_window"].AsBoolean(missing: false))
            return [];
        int first = file["max_window_layers"].AsOptionalInteger(0, int.MaxValue) ?? 28;
        return file.Windows(missing: 4096, slides: layer => layer >= first);
    }
}
